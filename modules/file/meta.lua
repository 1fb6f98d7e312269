---@meta fairlead.file

---Files that must never be seen half written, nor by others.
---@class fairlead.file
local file = {}

---Puts a text in the place of a file's content, at once or not at all. The file is its owner's only (mode 0600), also
---where the one before was not; a symbolic link is replaced, not followed. Its folder has to be there.
---@param path string
---@param text string
---@return true|nil done nil: the file is as it was
---@return string? problem why it could not be done
function file.replace(path, text) end

return file

--- Commit ids and their abbreviations. Needs no libgit2: what only compares image tags may require this alone.
local M = {}

--- Whether `text` is an abbreviation of the commit id `sha`: its first 7 or more characters, or all of them.
---
--- What `git rev-parse --short` gives depends on the clone: 7 characters in CI's shallow one, often 8 or more in a
--- developer's. So an image's tag is compared with the full id in this way, never with an id that was shortened here.
--- Ids are written in small letters; a tag in capitals is another tag.
---@param text string an image's tag, or what a site calls its version
---@param sha string a full id: 40 characters, or 64 in a SHA-256 repository
---@return boolean
function M.is_abbreviation(text, sha)
  if type(text) ~= "string" then
    error(("bad argument #1 to 'git.is_abbreviation' (string expected, got %s)"):format(type(text)), 2)
  end
  if type(sha) ~= "string" or not sha:find "^%x+$" or (#sha ~= 40 and #sha ~= 64) then
    error(("bad argument #2 to 'git.is_abbreviation' (full commit id expected, got %s)"):format(
      type(sha) == "string" and ("'%s'"):format(sha) or type(sha)), 2)
  end
  return #text >= 7 and text:find "^[0-9a-f]+$" ~= nil and sha:lower():sub(1, #text) == text
end

return M

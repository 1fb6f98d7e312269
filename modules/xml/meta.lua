---@meta fairlead.xml

---XML as services answer with it: elements, attributes, text.
---@class fairlead.xml
local xml = {}

---An element. Its children follow in their order as `element[1]`, `element[2]`, …: a string is text, a table an element.
---Text is never empty, and two strings never follow one another; white space between elements is text too.
---@class fairlead.xml.Element
---@field name string as written, with its prefix if it has one
---@field attributes? table<string, string> as written, `xmlns` among them; nil when there are none
---@field [integer] string|fairlead.xml.Element

---@class fairlead.xml.DecodeOptions
---@field max_depth? integer how deep elements may nest, 1 to 200; default 64
---@field max_bytes? integer how long the text may be, up to 1 GiB; default 16 MiB

---Reads a document, in UTF-8, UTF-16, ISO 8859-1 or ASCII as it says itself; strings in the tree are UTF-8.
---
---Comments and processing instructions are left out, CDATA sections are text. Refused: a document type (`<!DOCTYPE`), and
---so all entities but XML's own five; what is too deep or too long.
---@param text string
---@param options? fairlead.xml.DecodeOptions
---@return fairlead.xml.Element root
---Raises `xml.syntax` with `line` and `column` (characters, from 1) of where the text is wrong.
function xml.decode(text, options) end

return xml

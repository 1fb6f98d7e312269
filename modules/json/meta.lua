---@meta fairlead.json

---JSON for API payloads. 64-bit integers, floats, arrays apart from objects, and null all survive a round trip.
---@class fairlead.json
local json = {}

---JSON's null, in what `decode` gives and what `encode` takes. One value, compared with `==`; it is not `nil` and not
---false. lua-cjson's null is taken by `encode` too.
---@type userdata
json.null = nil

---@class fairlead.json.DecodeOptions
---@field nulls? boolean default true; false: members of objects that are null are left out, so that `if run.conclusion
---then` means what it says. In an array a null keeps its place, as the others' positions matter

---Reads one JSON value; scalars may stand alone.
---
---Objects become tables, arrays become tables marked as by `json.array`, `null` becomes `json.null`. `5` is an integer
---and `5.0` a float. Refused: duplicate keys, what is not UTF-8, keys that hold U+0000, integers beyond 64 bits (digits
---would be lost: such numbers belong in a string), nesting beyond 1000.
---
---Of a Secret's text each string in the value is a Secret, and errors quote nothing.
---@param text string|Secret
---@param options? fairlead.json.DecodeOptions
---@return any value
---Raises `json.syntax` with `line` and `column` (characters, from 1) of the token that is wrong, and `excerpt`, at most
---32 bytes of the text from there on.
function json.decode(text, options) end

---@class fairlead.json.EncodeOptions
---@field indent? integer spaces for each level, 0 to 16; 0 (the default): all on one line
---@field sort_keys? boolean default true: keys in the order of their bytes, so that equal values give equal texts

---Writes a value as JSON.
---
---A table with keys 1 to n is an array, one with string keys an object, an empty one `{}` unless `json.array` marked it.
---Tables are read raw: metamethods are not asked. A Secret is written as `"[secret]"`. Floats keep a `.` or an exponent,
---so they are read back as floats, in the fewest of 15 to 17 digits that give the same number.
---@param value any
---@param options? fairlead.json.EncodeOptions
---@return string text UTF-8
---Raises a misuse that names the path (`$.jobs[3].name`) of what has no JSON form: nil, functions, NaN, infinities, mixed
---or sparse tables, text that is not UTF-8, tables that contain themselves, nesting beyond 1000.
function json.encode(value, options) end

---Marks a table as an array, so that it encodes as `[]` even when empty. Tables that came from `decode` are marked.
---@generic T: table
---@param t? T default: a new table
---@return T t the same table
function json.array(t) end

return json

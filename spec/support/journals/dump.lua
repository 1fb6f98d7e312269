-- fairlead spec/support/journals/dump.lua FOLDER: the journal in FOLDER as SQL, on standard output.
local native = require "fairlead.journal.native"

local db <close> = native.open(arg[1] .. "/journal.db", 1)

local function literal(value)
  if value == nil then return "NULL" end
  if type(value) == "string" then return "'" .. value:gsub("'", "''") .. "'" end
  return math.type(value) == "integer" and ("%d"):format(value) or ("%.17g"):format(value)
end

for _, row in ipairs(db:rows "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid") do
  print(row.sql .. ";")
end
for _, row in ipairs(db:rows "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid") do
  local columns = db:rows("SELECT name FROM pragma_table_info(?)", row.name)
  for _, item in ipairs(db:rows("SELECT * FROM " .. row.name)) do
    local names, values = {}, {}
    for i, column in ipairs(columns) do names[i], values[i] = column.name, literal(item[column.name]) end
    print(("INSERT INTO %s (%s) VALUES (%s);"):format(row.name, table.concat(names, ", "), table.concat(values, ", ")))
  end
end
for _, name in ipairs { "application_id", "user_version" } do
  local row = db:rows("PRAGMA " .. name)[1]
  print(("PRAGMA %s = %d;"):format(name, row[name]))
end

---@meta fairlead.journal.native
--- The C half of the journal: an SQLite database of one's own. Scripts use `fairlead.journal`.
local native = {}

---@class journal.Database
local Database = {}

---A journal's file; made, readable by nobody else, when there is none. Raises kinds journal.*.
---@param path string
---@param busy number seconds that each statement waits for other processes
---@return journal.Database
function native.open(path, busy) end

---A path without links and without "..".
---@param path string
---@return string|nil absolute nil: there is no such file
function native.absolute(path) end

---A folder for journals; made, with those above it, when there is none. Raises kinds journal.*.
---@param path string
---@return {type: integer} about statfs's number of its file system
function native.folder(path) end

---What tells a process from a later one with the same number.
---@param pid? integer this process when left out
---@return {pid: integer, began: integer?, boot: string, namespace: integer, host: string, uid: integer} process
--- without `began`: there is no such process now
function native.process(pid) end

---Runs one statement.
---@param sql string
---@param ... nil|boolean|number|string the values of its `?`s
---@return integer changes the number of rows that it changed
function Database:run(sql, ...) end

---Runs one query; 100,000 rows at most.
---@param sql string
---@param ... nil|boolean|number|string the values of its `?`s
---@return table<string, any>[] rows by the columns' names
function Database:rows(sql, ...) end

---Runs statements that take no values and give none.
---@param sql string
function Database:script(sql) end

---Whether a transaction is under way.
---@return boolean
function Database:in_transaction() end

---Closes it now. May be called again.
function Database:close() end

return native

--- Commands of the session itself: help, settings, files, time, the last error, the end.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local text = require "fairlead.faces.text"
local topics = require "fairlead.repl.help.topics"

local function usage(message, hint)
  errors.raise { kind = "usage", message = message, hint = hint }
end

---- :help ----

local ABOUT <const> = [[
A line is Lua: an expression shows its values, a local lives on, waiting needs no keyword. ` &` at its end runs it in
the background. Ctrl-C cancels the line, Ctrl-D ends the session. `_` is the last result, `err` the last error.

?http.get explains a function, :help COMMAND a command, and :help TOPIC tells more about
]]

local function list_commands(session)
  local widest = 0
  local list <const> = require "fairlead.repl.commands".all()
  for _, command in ipairs(list) do widest = math.max(widest, text.width(command.usage)) end
  local said = ABOUT
  for _, topic in ipairs(topics.list) do said = said .. ("    %-12s%s\n"):format(topic.name, topic.text) end
  session:tell(said)
  for _, command in ipairs(list) do session:tell(text.pad(command.usage, widest + 2) .. command.text) end
end

local function help(session, argument)
  if argument == "" then return list_commands(session) end
  local topic <const> = topics.help(argument)
  if topic then return session:tell(topic) end
  session:print(require "fairlead.repl.help".of(session, argument))
end

---- :set ----

local function count(text_of)
  local number = math.tointeger(tonumber(text_of))
  return number and number > 0 and number or nil
end

local function switch(text_of)
  return ({ on = true, off = false })[text_of]
end

---@class repl.Setting
---@field values string
---@field read fun(text: string): any nil: it is none
---@field set fun(session: repl.Session, value: any)
---@field get fun(session: repl.Session): any

local function setting(name)
  return {
    values = "a number, or auto", read = function(given) return given == "auto" and "auto" or count(given) end,
    set = function(session, value) session.settings[name] = value ~= "auto" and value or nil end,
    get = function(session) return session.settings[name] or "auto" end,
  }
end

---@type table<string, repl.Setting>
local SETTINGS <const> = {
  width = setting "width",
  depth = setting "depth",
  items = setting "items",
  colour = {
    values = "on or off", read = switch,
    set = function(session, value) session.colour = value end,
    get = function(session) return session.colour and "on" or "off" end,
  },
  keys = {
    values = "emacs or vi", read = function(given) return (given == "emacs" or given == "vi") and given or nil end,
    set = function(session, value)
      session.settings.keys = value
      if session.editor then session.editor:keys(value) end
    end,
    get = function(session) return session.settings.keys end,
  },
}

local function set(session, argument)
  local name, value = argument:match "^(%S+)%s*=?%s*(.*)$"
  if not name then
    for key, one in require "fairlead.sorted"(SETTINGS) do
      session:print(("%-8s%-8s(%s)"):format(key, tostring(one.get(session)), one.values))
    end
    return
  end
  local one <const> = SETTINGS[name]
  if not one then
    local near <const> = require "fairlead.nearest".name(name, SETTINGS)
    usage(("there is no setting '%s'"):format(name),
      near and ("did you mean '%s'?"):format(near) or "`:set` lists them")
  end
  if value == "" then return session:print(tostring(one.get(session))) end
  local read <const> = one.read(value)
  if read == nil then usage(("%s is '%s', expected %s"):format(name, value, one.values)) end
  one.set(session, read)
end

---- the others ----

local function load_file(session, path)
  if path == "" then usage("which file?", "`:load FILE`") end
  -- The host's own loading finds what is wrong with the file, and has `require` look beside it.
  require "fairlead.script".load(path)
  local file <close> = assert(io.open(path))
  local chunk <const> = file:read "a":gsub("^#[^\n]*", "")
  local ok, results = session:evaluate(chunk, "@" .. path)
  if not ok then error(results, 0) end
  session:show(table.unpack(results, 1, results.n))
end

local function time(session, argument)
  if argument == "" then usage("the time of what?", "`:time EXPRESSION`") end
  local requests = 0
  local remove <const> = require "fairlead.http".on_exchange(function() requests = requests + 1 end)
  local closing <close> = setmetatable({}, { __close = function() remove() end }) -- luacheck: ignore
  local began, at = clock.monotonic(), clock.now()
  local ok, results = session:evaluate(argument)
  local took, passed = clock.monotonic() - began, clock.now() - at
  if ok then session:show(table.unpack(results, 1, results.n)) end
  local said = ("%.3f s, %d request%s"):format(took, requests, requests == 1 and "" or "s")
  if session.place == "world" then
    said = said .. ("; %s of the world's time"):format(require "fairlead.procedure.duration".text(passed))
  end
  session:print(said)
  if not ok then error(results, 0) end
end

local function last_error(session)
  local err <const> = session.last_error
  if not err then return session:print "there was no error yet" end
  for line in errors.describe(err):gmatch "[^\n]+" do
    for _, part in ipairs(session:fitting(text.clean(line))) do session:print(part) end
  end
end

local function history(session, argument)
  if not session.editor then return end
  local list <const> = session.editor:history()
  local number = argument == "" and 20 or count(argument) or usage("how many lines?", "`:history N`")
  for i = math.max(1, #list - number + 1), #list do
    session:print(("%5d  %s"):format(i, (list[i]:gsub("\n", "\n       "))))
  end
end

---@type repl.Command[]
return {
  { name = "help", aliases = { "h" }, usage = ":help [COMMAND|TOPIC|NAME]",
    text = "What there is; what a command does.", run = help },
  { name = "err", usage = ":err", text = "All that is known of the last error.", run = last_error },
  { name = "load", usage = ":load FILE", text = "Run a file in the session; its locals live on.", run = load_file },
  { name = "time", usage = ":time EXPRESSION", text = "How long it takes, and how many requests it makes.",
    run = time },
  { name = "history", usage = ":history [N]", text = "The last lines.", run = history },
  { name = "set", usage = ":set [NAME [VALUE]]", text = "How values are shown, and which keys edit the line.",
    run = set, help = "width   columns\ndepth   of tables within tables\nitems   of one table\ncolour  on or off\n"
      .. "keys    emacs or vi" },
  { name = "quit", aliases = { "q", "exit" }, usage = ":quit", text = "End the session; what still runs is cancelled.",
    run = function(session) session:quit() end },
}

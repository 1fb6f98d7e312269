--- Commands about HTTP: what was exchanged, and how to repeat it elsewhere.
local errors = require "fairlead.errors"

-- The exchange that an argument names; without one, the newest.
local function exchange_of(session, argument)
  local list <const> = session.exchanges.list
  if #list == 0 then
    errors.raise { kind = "usage", message = "nothing was exchanged over HTTP in this session yet" }
  end
  local number <const> = math.tointeger(tonumber(argument:match "^#?(%d+)$"))
  local one <const> = (argument == "" or number) and session.exchanges:get(number)
  if one then return one end
  errors.raise {
    kind = "usage", message = ("there is no exchange '%s'"):format(argument),
    hint = ("there are %d to %d; `:http` lists them"):format(list[1].number, list[#list].number),
  }
end

local function http(session, argument)
  local text <const> = require "fairlead.repl.http.text"
  local list <const> = session.exchanges.list
  local limit <const> = argument == "" and 20 or argument == "all" and #list
  if not limit then
    for _, line in ipairs(text.one(exchange_of(session, argument))) do session:print(line) end
    return
  end
  if #list == 0 then return session:print "nothing was exchanged over HTTP in this session yet" end
  for _, line in ipairs(text.list(list, { limit = limit, width = session:width() })) do session:print(line) end
  if #list > limit then session:print(("%d more: `:http all`"):format(#list - limit)) end
end

local function curl(session, argument)
  session:print(require "fairlead.repl.http.curl".command(exchange_of(session, argument)))
end

local function numbers(session, typed)
  local text <const> = require "fairlead.repl.http.text"
  local found <const> = {}
  for i = #session.exchanges.list, 1, -1 do
    local one <const> = session.exchanges.list[i]
    local number <const> = tostring(one.number)
    if number:sub(1, #typed) == typed then found[#found + 1] = { text = number, shown = text.short(one) } end
  end
  return found
end

---@type repl.Command[]
return {
  { name = "http", usage = ":http [N|all]", text = "The last HTTP exchanges; one of them in full.", run = http,
    complete = numbers, help = [[
The last 200 are kept, the last 50 with headers and bodies (64 KiB of each). `took` leaves out how long somebody was
asked for. Secrets have a tag in their place.]] },
  { name = "curl", usage = ":curl [N]", text = "The command line that repeats an exchange; without N the last one.",
    run = curl, complete = numbers, help = [[
For a POSIX shell. Each secret is a variable, by the name that people know it by; those that are not set are named.
A request to AWS is signed anew. It is only printed: what it does when somebody runs it is not asked for.]] },
}

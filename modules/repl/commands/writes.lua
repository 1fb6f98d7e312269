--- The command that says whether a line's writes are asked for.
local errors = require "fairlead.errors"

local function status(session)
  local writes <const> = session.writes
  local said <const> = {
    writes.on and "writes are made without a question (`:writes off` asks again)"
      or session.editor and "writes are asked for (`:writes on` does not ask)"
      or "writes are refused: nobody can be asked (`:writes on` has them made)",
  }
  if session.place == "world" then
    table.insert(said, 1, "the services are simulated, and written to without a question; for what would reach the "
      .. "network all the same:")
  end
  if not writes:is_whole() then said[#said + 1] = "a line has put something else into the guard's place" end
  local ledger <const> = writes.ledger
  if ledger.run then
    said[#said + 1] = ("%d on record: `fairlead show %s`"):format(ledger.count, ledger.run)
  end
  if writes.refused > 0 then said[#said + 1] = ("%d not made, for want of a yes"):format(writes.refused) end
  for _, line in ipairs(said) do session:print(line) end
end

local function writes(session, argument)
  if argument == "" or argument == "status" then return status(session) end
  if argument ~= "on" and argument ~= "off" then
    errors.raise { kind = "usage", message = ("'%s' is none of on, off, status"):format(argument) }
  end
  session.writes.on = argument == "on"
  if session.interactive then status(session) end
end

---@type repl.Command[]
return {
  { name = "writes", usage = ":writes [on|off|status]",
    text = "Whether what changes something real is asked for first.", run = writes,
    complete = function(_, typed)
      local found <const> = {}
      for _, word in ipairs { "on", "off", "status" } do
        if word:sub(1, #typed) == typed then found[#found + 1] = { text = word } end
      end
      return found
    end,
    help = [[
Asked for are requests that write (what GitHub, AWS and Slack say of their own; any other POST, PUT, PATCH, DELETE),
programs (process.run, git push, git clone), branches and tags that are made here. `all` as the answer holds for the
line. Each write is on record before it is made, and with what came of it: `fairlead runs` lists this session's record
when there is one. Not asked for: files (io.open, os.remove), git fetch, process.run{…, harmless = true}, and what a
procedure does that :start carries out, which was confirmed and has a journal of its own.]] },
}

-- repl: from the start of a program to its first prompt on a real pseudo-terminal, beside other interactive programs,
-- in turn, medians; and what a REPL that stays open holds after so many lines.
package.path = "./?.lua;" .. package.path -- spec/support
local clock = require "fairlead.clock"
local sessions = require "spec.support.terminal_session"

local PROGRAM <const> = "build/release/bin/fairlead"
local ROUNDS <const> = 21
local LINES <const>, TOGETHER <const> = 100000, 200

local state <const> = os.tmpname()
os.remove(state)
local env <const> = { FAIRLEAD_STATE = state, HOME = state }
local _ <close> = setmetatable({}, { __close = function()
  require "fairlead.process".run { "rm", "-rf", state }
end })

local function start(words, prompt)
  words.env = env
  local session = sessions.start(words)
  session:expect(prompt)
  return session
end

-- What a person would type to leave; Ctrl-D is the same in all of them.
local function leave(session)
  session:key "ctrl-d"
  session:finish()
end

local programs <const> = {
  { name = "fairlead repl", prompt = "> ", PROGRAM, "repl" },
  { name = "lua5.4 -i", prompt = "> ", "lua5.4", "-i" },
  { name = "node", prompt = "> ", "node", "-i" },
  { name = "python3", prompt = ">>> ", "/usr/bin/python3", "-i" },
}
local times = {}
for round = 0, ROUNDS do -- the first does not count
  for i, program in ipairs(programs) do
    local began = clock.monotonic()
    local session <close> = start({ table.unpack(program) }, program.prompt)
    local took = clock.monotonic() - began
    leave(session)
    times[i] = times[i] or {}
    if round > 0 then times[i][round] = took end
  end
end

print(("repl: from start to the first prompt, medians of %d"):format(ROUNDS))
local ours
for i, program in ipairs(programs) do
  table.sort(times[i])
  local median <const> = times[i][(ROUNDS + 1) // 2]
  ours = ours or median
  print(("  %-14s %6.1f ms%s"):format(program.name, median * 1000,
    i > 1 and ("  fairlead takes %.2f of it"):format(ours / median) or ""))
end

local function resident(pid)
  local file <close> = assert(io.open(("/proc/%d/status"):format(pid)))
  return math.tointeger(file:read "a":match "VmRSS:%s+(%d+) kB") / 1024
end

local session <close> = start({ PROGRAM, "repl" }, "> ")
session:line "io.write('pid ', io.open('/proc/self/stat'):read 'n', '\\n')"
local pid <const> = math.tointeger(session:expect_pattern "\npid (%d+)")
local held, began = {}, clock.monotonic()
for line = 1, LINES do
  session:line(("x = { n = %d, text = tostring(%d) }; x.n"):format(line, line))
  if line % TOGETHER == 0 then
    session:line(("'done ' .. %d"):format(line))
    session:expect(('"done %d"'):format(line), 60)
    session.seen.scrolled = {} -- only the last lines are looked at
  end
  if line % (LINES / 5) == 0 then held[#held + 1] = ("%.1f"):format(resident(pid)) end
end
print(("repl: %d lines typed in %.0f s; MiB after each fifth of them: %s"):format(LINES, clock.monotonic() - began,
  table.concat(held, ", ")))
leave(session)

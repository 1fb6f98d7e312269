--- What `:help TOPIC` tells.
local M = {}

---@class repl.Topic
---@field name string
---@field text string one line, for the list
---@field help string

---@type repl.Topic[]
M.list = {
  { name = "lines", text = "what a line may be, and what lives on", help = [[
A line is Lua: an expression, whose values are shown, or statements. `= EXPRESSION` is an expression, too. What is not
whole yet goes on in the next line (`   .. `); Ctrl-C drops it. A pasted block is one chunk.

A chunk's locals live on: when it has run, they are put among the session's variables, where later lines see and change
them. A function of that chunk keeps its own variable: a later assignment to the name does not reach it. Not kept are
variables marked <close> (they are closed when their line ends), `_`, and the locals of a chunk that ends in `return`
or fails.

Fairlead's modules are there by their short names. `_` is the last result that was not nil, `_1` the same, `_2` the one
before, and so on to `_9`; `err` is the last error, and `:err` tells all that is known of it. `procedure` is the
script's.]] },
  { name = "background", text = "lines that go on while others are typed", help = [[
A line that ends in ` &` runs in the background: `[1] started`, and later `[1] done: value`, above the prompt. jobs[1]
is its task: jobs[1]:wait(), jobs[1]:cancel(). What a line starts with task.start goes on in the same way when the line
has ended. `:tasks` lists all, `:cancel 1` ends one. What one asks stands above the prompt until `:answer TEXT`;
what it asks while the session ends, in the prompt's place.

Ctrl-C cancels the line in the foreground only. Ctrl-D says first when something still runs; a second one, or `:quit`,
cancels it: its closers run, and what takes long is named. At the end of the input from a pipe it is waited for.]] },
  { name = "world", text = "simulated services, and their clock", help = [[
With --world lines work on a simulated GitHub, AWS and Slack, with tokens that only those know: the procedure's own
world, or a small example without a script. `w` is that world: w.github, w.aws and w.slack hold what there is, and the
requests that they got (`w:settle()` has happen what is due). w.folder.work is a working clone. Programs and files are
real: process.run and io.open do what they say.

The world's clock stands still while you think and type, and while programs run. It jumps when all that runs there
sleeps: `clock.sleep(600)` returns at once, ten minutes later; a release in the background is over in a moment. What
takes place there in time (checks, deployments, people) takes place when something sleeps. `:time` tells how much of
it passed. --scenario and --seed are those of `fairlead rehearse`.]] },
  { name = "debugging", text = "stops: looking around, putting right, going on", help = [[
`fairlead run --debug`, `rehearse --debug` and `resume --debug` open a session where something fails; so does `:start`.
What failed stands as it is: all around it is live, its deadlines are held, its locks are kept.

:where :up :down :frame N   the frames; lines are evaluated in the one that is looked at
:locals :upvalues :source   what is there; NAME = VALUE changes it
:why :err                   what the script finds out of it; all that the error says
:retry [PART]               does the step, wait or gate again, in place, and stands still when it is done
:resume                     goes on: with what :retry gave, or after doing it again
:resume = VALUE             goes on with a result of yours, which is on record with your name
:fail                       lets the error take its course: handlers, messages, the run's end; so does Ctrl-D

breakpoint() in a script stops there, :break FILE:LINE from outside; :step :next :finish :continue go on. While one task
stands still the others go on; `:stops` lists them, `:stop N` looks at another. A stop where the script would have dealt
with the error itself (by pcall or try) is one, too: after `:fail` the script deals with it.]] },
  { name = "runs", text = "runs of the past: replay, reload, going on", help = [[
`fairlead repl --run RUN` opens a run of the journal: `run`, `parameters`, `steps` (results by path), `entries` and
`events` are values, `:steps` numbers what was done, `:why` says why it ended or what it waits for.

:replay [K|PATH]   goes through it up to a step with what is on record, does nothing, and stands still before what
                   comes next: :where, :locals and expressions look around
:resume = VALUE    in a replay: goes on as if that had been the next result
:reload            the script as it lies there now; says what changed
:resume            takes the run up for real, under the debugger; asks first

What the script reads outside of its steps it reads anew. With --world the simulated services carry out what was done,
and :reload and :resume go on there.]] },
  { name = "pipes", text = "sessions without a terminal", help = [[
Without a terminal there is no prompt and no colour: results go to standard output, errors to standard error. The exit
code is the last line's: 0, or its error's (`fairlead help exit-codes`). An input that ends in the middle of a
statement is an error. Nothing is asked: what needs a yes is refused.]] },
}

---A topic's text.
---@param name string
---@return string|nil
function M.help(name)
  for _, topic in ipairs(M.list) do
    if topic.name == name then return topic.help end
  end
  return nil
end

return M

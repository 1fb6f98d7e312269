return [[
    fairlead repl [SCRIPT]                        on the real services
    fairlead repl [SCRIPT] --world                on simulated ones; programs and files are real
    fairlead repl --run RUN                       a run, past or interrupted
    printf 'expression\n' | fairlead repl         without a terminal

A line is Lua: an expression shows its values, statements run, a local lives on for the lines that follow. Waiting needs
no keyword: each line is a task, and whatever runs beside it goes on. ` &` at a line's end leaves it running, and its
output appears above the prompt. Ctrl-C cancels the line, Ctrl-D ends the session.

Fairlead's modules are there by their short names (http, github, aws, clock, …), the script's procedure as `procedure`.
`_` is the last result, `err` the last error. What begins with a colon is a command: `:help` lists them, `:start`
carries the procedure out, `:tasks` tells what runs and what it waits for. The history is kept in the state folder, but
no line that holds a secret.

On the real services what changes something is asked for first, line by line, until `:writes on`; the prompt then says
`production!>`. Each write is on record, before it is made and with what came of it: `fairlead runs` and `show`. `:http`
lists what was exchanged, `:curl N` prints the command line that repeats it, with secrets as variables.

With --world time is virtual: it stands still while you type and jumps over waits, so that a release of an hour is over
in a moment. --scenario NAME and --seed N choose what happens, as in `fairlead rehearse`.

`fairlead run --debug`, `rehearse --debug` and `resume --debug` open a session where something fails: with the frames
and locals of that place, :retry that does it again, :resume that goes on (`:help debugging` in the session). --run RUN
goes through a run of the past again, up to any step, and on from there (`:help runs`).

Without a terminal results go to standard output and errors to standard error, and the exit code is the last line's.
]]

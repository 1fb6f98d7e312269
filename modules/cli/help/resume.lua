return [[
    fairlead resume [RUN] [--accept-change] [--no-wait] [--yes]

takes up a run that was killed, interrupted or stopped by an error: without RUN the newest one. A finished step never
runs again; a step that was under way is first looked for in the world and only done if it is not there.

The script runs again from the top. What is on record is matched by its path and its arguments:
    a finished step, wait or gate    gives what it gave then, without acting
    a step that was begun            is asked for by its `already`; done if that finds nothing
    the same, without `already`      ends the run, and says which step: whether it took effect nobody can tell. Give the
                                     step an `already`, or repeatable=true where doing it twice does no harm, and go
                                     on with --accept-change
    a wait that was under way        goes on; its deadline stays
    a question that was asked        stays asked, where the channel can find it again
    a decision                       holds while its evidence is what was shown; after something was done on its
                                     strength, for good
    a message to people              is not said again
What does not match ends the run, and names both sides; nothing has been done then.

A script that changed is refused, with what changed. --accept-change goes on as long as what is on record matches.
Parameters stay as they were. Secrets are not on record: give them again, as name=value.
Of two who resume one run, one does; the other is told who. A run whose process is gone counts as interrupted.

fairlead resume --debug   opens the REPL where something fails, as `run --debug` does: `fairlead help repl`
fairlead repl --run RUN   goes through it again without doing anything, up to any step
fairlead runs         lists the runs
fairlead show RUN     its steps, as they were and as they stand
fairlead why RUN      what it waits for, since when, until when, who can help; or why it ended
fairlead run --no-wait, resume --no-wait
                      end with exit code 75 where they would wait for a person, and leave the question open

The journal is journal.db in FAIRLEAD_STATE, else $XDG_STATE_HOME/fairlead, else ~/.local/state/fairlead.
]]

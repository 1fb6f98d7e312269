return [[
A procedure is a Lua script that returns procedure.new{…}:

    local procedure = require "fairlead.procedure"
    return procedure.new {
      name = "restart",
      summary = "Restart the service",
      parameters = { environment = { required = true, help = "where" } },
      plan = { "Restart", "Healthy" },
      run = function(run, parameters)
        run:step("Restart", { intent = { environment = parameters.environment }, act = restart })
        run:wait { name = "Healthy", check = healthy, timeout = 600 }
      end,
    }

It is read from top to bottom like any script. What takes time waits; nothing else does.

run:step(name, fn)                       does something once; the result is plain data
run:step(name, {intent=, already=, act=})
      intent   what it is about to do: text or plain data, recorded before acting
      already  looks whether it is done: the result if so, nil if not; asked first, every time. It is given the
               record of an attempt that did not end: {began=, …}
      repeatable=true  doing it twice does no harm, so that it needs no `already` to be resumed
      reads=true       it only reads, and what it read is kept: a dry run does it, too
      act      does it; the result is recorded
run:stage(name, fn)                      a part with steps in it; `plan` names these, in order
run:wait{name=, check=, timeout=, every=, again=}
      check returns a value when it is so; until then nil and a note:
      text, or {text=, fraction=, expected=<unix seconds>, traffic=<percent>}
      An error that says it is retryable is shown and tolerated.
      again=true  on resume it is asked again although it had come
run:gate{name=, question=, evidence=, approvers=, via=, timeout=}
      a decision; without approvers it is that of whoever started the run.
      evidence: a table, or a function that is called again after the decision: any change makes it void
      via: a list of channels ("terminal" is one), asked all at once; the first decision counts
run:lock(name, {reason=, ["for"]=, timeout=})
      has an environment to itself until it is closed: `fairlead help locks`
run:parallel{name=fn, …}                 several stages at once; the first failure ends the others
run:refuse(reason, text, hint)           it must not go on: exit code 3, `reason` is its code
run:say(text)  run:warn(text)            for whoever watches
run:live{environment=, version=, url=}   what is live where; the summary at the end lists it
run:fact(text)                           a link or an id that the summary repeats
run:notify{text=, …}                     tells those who registered with run:notifier(fn); they hear of the end, too
run:on_cancel{name=, choices=, act=}     what becomes of what goes on elsewhere when Ctrl-C ends the run (--on-cancel)
run:on_why(fn(err, path))                who finds out why a part failed: a list of {text=, details=}
run:on_failure(fn(err, run))             when the run does not end well; also on Ctrl-C
run:waiting()                            what it waits for now, since when, until when
run:step_id()                            a key that is the same each time this step runs, for services that take one
run.id  run.parameters  run.directory

Dry runs (fairlead run --dry-run): `already`, `check` and evidence are called, `act` and plain steps are not. What would
be done is told, at the end once more in one list. Instead of its result a step or wait gives its `pretend`: plain data,
or a function that gives them; without one, a text such as ‹id of Start the build›. What depends on what was not done
passes, with a note. Should nobody be able to tell how it goes on, it ends there, with exit code 0. Requests that would
write are refused, wherever they are made.
]]

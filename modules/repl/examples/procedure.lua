return [[
== new
local greet = procedure.new {
  name = "greet",
  parameters = { name = { required = true, help = "whom" } },
  run = function(run, parameters) run:say("Hello, " .. parameters.name) end,
}
print(procedure.execute(greet, { name = "Ada" }).outcome) --> done

== is
print(procedure.is(procedure.new { name = "nothing", run = function() end }), procedure.is {}) --> true	false

== execute
local result = procedure.execute(procedure.new { name = "refuse", run = function(run)
  run:refuse("too-late", "it is Friday afternoon")
end }, {})
print(result.outcome, result.reason, result.exit_code) --> refused	too-late	3

== command
local release = procedure.new { name = "release", run = function() end, commands = {
  rollback = procedure.new { name = "rollback", run = function() end },
} }
print(procedure.command(release, "rollback", "release.lua").name) --> rollback

== load
local path = os.tmpname()
local file = io.open(path, "w")
file:write 'return require "fairlead.procedure".new { name = "nothing", run = function() end }'
file:close()
print(procedure.load(path).name) --> nothing
os.remove(path)

== outcome_of
print(procedure.outcome_of(errors.new { kind = "gate.refused", message = "no" })) --> refused	gate.refused	3

== finished_event
local e = errors.new { kind = "script.syntax", message = "near 'end'" }
print(procedure.finished_event(e, clock.now()).exit_code) --> 2

== Run:step
local result = procedure.execute(procedure.new { name = "example", run = function(run)
  local id = run:step("Start the build", {
    already = function(begun) return nil end, -- looks in the world whether it is done
    act = function() return 42 end,
  })
  run:say("build " .. id)
end }, {})
print(result.outcome) --> done

== Run:wait
local result = procedure.execute(procedure.new { name = "example", run = function(run)
  local asked = 0
  run:wait { name = "Build", timeout = 600, every = 0.01, check = function()
    asked = asked + 1
    return asked == 3, "asked " .. asked .. " times"
  end }
end }, {})
print(result.outcome) --> done

== Run:gate
local nobody = { name = "nobody", ask = function() end }
function nobody.answer() return { decision = "refused", by = "root" } end
local result = procedure.execute(procedure.new { name = "example", run = function(run)
  run:gate { name = "Agreement", question = "Go on?", evidence = { commit = "1a2b3c4" }, via = { nobody },
    timeout = 600 }
end }, {})
print(result.reason) --> gate.refused

== Run:stage
local result = procedure.execute(procedure.new { name = "example", run = function(run)
  run:stage("Staging", function() run:step("Deploy", { reads = true, act = function() return true end }) end)
end }, {})
print(result.outcome) --> done

== Run:parallel
local result = procedure.execute(procedure.new { name = "example", run = function(run)
  run:parallel {
    api = function() run:step("Deploy", { reads = true, act = function() return true end }) end,
    worker = function() run:step("Deploy", { reads = true, act = function() return true end }) end,
  }
end }, {})
print(result.outcome) --> done

== Run:lock
local result = procedure.execute(procedure.new { name = "example", run = function(run)
  local lock <close> = run:lock("development", { reason = "try the new map", ["for"] = 3600 })
  run:say(lock:is_held() and "mine" or "lost")
end }, {})
print(result.outcome) --> done

== Run:refuse
local result = procedure.execute(procedure.new { name = "example", run = function(run)
  run:refuse("nothing-to-release", "main is live already")
end }, {})
print(result.reason, result.exit_code) --> nothing-to-release	3

== Run:say
procedure.execute(procedure.new { name = "example", run = function(run) run:say "so far, so good" end }, {})

== Run:warn
procedure.execute(procedure.new { name = "example", run = function(run) run:warn "the site is slow" end }, {})

== Run:fact
procedure.execute(procedure.new { name = "example", run = function(run)
  run:fact "https://lighthouse.example.com runs 1a2b3c4"
end }, {})

== Run:live
procedure.execute(procedure.new { name = "example", run = function(run)
  run:live { environment = "staging", commit = "1a2b3c4", site = "https://staging.lighthouse.example.com" }
end }, {})

== Run:notify
local told = {}
procedure.execute(procedure.new { name = "example", run = function(run)
  run:notifier(function(message) told[#told + 1] = message.text end)
  run:notify { text = "It begins." }
end }, {})
print(told[1]) --> It begins.

== Run:notifier
procedure.execute(procedure.new { name = "example", run = function(run)
  run:notifier(function(message)
    if message.ending then print(message.outcome) end --> done
  end)
end }, {})

== Run:because
procedure.execute(procedure.new { name = "example", run = function(run)
  run:because("no task became healthy", { "the last line: out of memory" })
  errors.raise { kind = "deployment.failed", message = "it failed" }
end }, {})

== Run:on_failure
procedure.execute(procedure.new { name = "example", run = function(run)
  run:on_failure(function(err) print(err.kind) end) --> deployment.failed
  errors.raise { kind = "deployment.failed", message = "it failed" }
end }, {})

== Run:on_why
procedure.execute(procedure.new { name = "example", run = function(run)
  run:on_why(function(err) return { text = "looked: " .. err.message } end)
  errors.raise { kind = "deployment.failed", message = "it failed" }
end }, {})

== Run:why
procedure.execute(procedure.new { name = "example", run = function(run)
  print(run:why(errors.new { kind = "deployment.failed", message = "it failed" }, ""))
end }, {})

== Run:at_end
procedure.execute(procedure.new { name = "example", run = function(run)
  run:at_end(function() print "the end" end) --> the end
end }, {})

== Run:on_cancel
procedure.execute(procedure.new { name = "example", run = function(run)
  local going <close> = run:on_cancel { name = "deployment", question = "What about the deployment?",
    choices = { leave = function() end } }
end }, {})

== Run:background
procedure.execute(procedure.new { name = "example", run = function(run)
  run:background("heartbeat", function() clock.sleep(60) end)
end }, {})

== Run:guard
procedure.execute(procedure.new { name = "example", run = function(run)
  local guard <close> = run:guard(function() return true end) -- asked before each step
  run:step("Deploy", { reads = true, act = function() return true end })
end }, {})

== Run:listen
local names = {}
procedure.execute(procedure.new { name = "example", run = function(run)
  run:listen(function(event) names[#names + 1] = event.event end)
  run:say "hello"
end }, {})
print(names[#names] ~= nil) --> true

== Run:recorded
procedure.execute(procedure.new { name = "example", run = function(run)
  print(run:recorded "Deploy") --> nil
end }, {})

== Run:step_id
procedure.execute(procedure.new { name = "example", run = function(run)
  run:step("Run a task", { repeatable = true, act = function() return #run:step_id() > 0 end })
end }, {})

== Run:waiting
procedure.execute(procedure.new { name = "example", run = function(run)
  print(#run:waiting()) --> 0
end }, {})

== Lock:is_held
procedure.execute(procedure.new { name = "example", run = function(run)
  local my_lock <close> = run:lock("development", { reason = "a look" })
  print(my_lock:is_held()) --> true
end }, {})

== Lock:extend
procedure.execute(procedure.new { name = "example", run = function(run)
  local my_lock <close> = run:lock("development", { reason = "a look", ["for"] = 60 })
  my_lock:extend(3600)
end }, {})

== Lock:close
procedure.execute(procedure.new { name = "example", run = function(run)
  local my_lock = run:lock("development", { reason = "a look" })
  my_lock:close()
  print(my_lock:is_held()) --> false
end }, {})
]]

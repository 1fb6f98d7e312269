return [[
== all
local found = task.all {
  site = function() return http.get("https://lighthouse.example.com/health").status end,
  sum = function() return 1 + 1 end,
}
print(found.site, found.sum) --> 200	2

== race
local result, which = task.race {
  quick = function() clock.sleep(0.01) return "first" end,
  slow = function() clock.sleep(60) end,
}
print(result, which) --> first	quick

== map
local doubled = task.map({ 1, 2, 3 }, function(number) return number * 2 end, { limit = 2 })
print(table.concat(doubled, " ")) --> 2 4 6

== timeout
local _, err = try(task.timeout, 0.01, clock.sleep, 60)
print(err.kind) --> timeout

== start
local job = task.start(function() clock.sleep(0.01) return "done" end)
print(job:wait()) --> done

== event
local ready = task.event()
task.start(function() ready:set() end)
ready:wait()
print(ready:is_set()) --> true

== name
task.name "looking around"

== list
for _, entry in ipairs(task.list()) do
  if entry.depth == 0 then print(entry.state ~= nil) end --> true
end

== lineage
print(select("#", task.lineage()) >= 1) --> true

== context
print(task.start(function()
  task.set_context "the release"
  return task.context()
end):wait()) --> the release

== set_context
task.start(function()
  task.set_context { part = "Staging" }
  print(task.start(function() return task.context().part end):wait()) --> Staging
end):wait()

== inherit
local told = task.start(function()
  task.set_context "known"
  return task.inherit(function() return task.context() end)
end):wait()
print(told()) --> known

== held
print(task.held()) -- seconds that a debugger held it

== is_ending
print(task.is_ending(coroutine.running())) --> false

== more_time
local job = task.start(function()
  local closing <close> = setmetatable({}, { __close = function()
    task.more_time(5) -- to hand back what was reserved
    clock.sleep(0.01)
    print "handed back" --> handed back
  end })
  clock.sleep(60)
end)
clock.sleep(0.01)
job:cancel "enough"
try(job.wait, job)

== on_interrupt
local stop = task.event()
task.on_interrupt(stop) -- Ctrl-C sets it
task.on_interrupt(nil) -- Ctrl-C ends the program again

== Task:wait
print(task.start(function() return 1, 2 end):wait()) --> 1	2

== Task:result
local job = task.start(function() return "kept" end)
job:wait()
print(job:result()) --> kept

== Task:cancel
local job = task.start(clock.sleep, 60)
job:cancel "no longer needed"
local _, err = try(job.wait, job)
print(err.kind) --> cancelled

== Task:status
local job = task.start(clock.sleep, 60)
clock.sleep(0.01)
print(job:status()) --> waiting	clock.sleep
job:cancel()

== Task:held
print(task.start(function() end):held())

== TaskEvent:set
local event = task.event()
event:set()
print(event:is_set()) --> true

== TaskEvent:clear
local event = task.event()
event:set()
event:clear()
print(event:is_set()) --> false

== TaskEvent:wait
local event = task.event()
event:set()
event:wait() -- at once

== TaskEvent:is_set
print(task.event():is_set()) --> false
]]

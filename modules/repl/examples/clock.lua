return [[
== now
print(os.date("!%Y-%m-%d", math.floor(clock.now())))

== monotonic
local began = clock.monotonic()
print(clock.monotonic() - began < 1) --> true

== steady
local began = clock.steady()
clock.sleep(0.01)
print(clock.steady() - began > 0) --> true

== sleep
clock.sleep(0.01)

== simulate
local elapsed = clock.simulate({ start = 1772442000 }, function()
  clock.sleep(3600) -- takes no time
  return clock.now() - 1772442000
end)
print(elapsed) --> 3600.0

== scaled
local began = clock.monotonic()
clock.scaled(1000, clock.sleep, 10) -- a hundredth of a second
print(clock.monotonic() - began < 5) --> true

== virtual
local mine = clock.virtual(1772442000)
clock.on(mine, clock.sleep, 60)
print(clock.on(mine, clock.now)) --> 1772442060.0

== on
print(clock.on(clock.virtual(0), clock.now)) --> 0.0
]]

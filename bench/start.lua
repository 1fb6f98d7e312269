-- Start-up: `fairlead -e ''` against `lua5.4 -e ''`, whole processes run in turn, medians of each; and which of the
-- heavy libraries a started fairlead has mapped (none: native modules load when they are required).
local process = require "fairlead.process"

local PROGRAM <const> = "build/release/bin/fairlead"
local ROUNDS <const> = 300
local TARGET <const> = 2.0

local timed = process.run { "build/release/bench/spawn", tostring(ROUNDS), PROGRAM, "-e", "", "--", "lua5.4", "-e", "" }
assert(timed.code == 0, timed.stderr)
local ours, theirs = timed.stdout:match "^([%d.]+) %d+\n([%d.]+) %d+\n$"
local ratio = tonumber(ours) / tonumber(theirs)
print(("start: fairlead -e '' %.2f ms, lua5.4 -e '' %.2f ms (medians of %d): ratio %.2f, %.1f or less: %s"):format(
  ours / 1000, theirs / 1000, ROUNDS, ratio, TARGET, ratio <= TARGET and "met" or "MISSED"))

local maps = process.run { PROGRAM, "-e", "for line in io.lines '/proc/self/maps' do print(line) end" }
assert(maps.code == 0 and maps.stdout:find "libfairlead", "cannot read what is mapped: " .. maps.stderr)
local mapped = {}
for _, library in ipairs { "libcurl", "libgit2" } do
  if maps.stdout:find(library, 1, true) then mapped[#mapped + 1] = library end
end
local found = #mapped == 0 and "none" or table.concat(mapped, " and ") .. " (MISSED)"
print("start: of libcurl and libgit2 are mapped: " .. found)

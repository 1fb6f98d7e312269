return [[
require "fairlead.NAME":

procedure   steps, waits, gates: `fairlead help procedure`
task        all, race, map, timeout: several waits at once
clock       now, sleep, monotonic; simulate, scaled
errors      error objects: kind, message, op, target, hint
http        request, get, post, put, patch, delete, head
json        decode, encode, null, array
xml         decode: elements, attributes, text
digest      sha256, md5, base64
process     run, which: other programs, by argument list
git         repositories
github      pull requests, checks, workflow runs
aws         sessions and clients
sigv4       signed requests
slack       messages, threads, reactions
debugger    break_at, stops, frames: a task that is stopped while others go on
terminal    lines that are typed, the size of the screen
journal     what runs did, on the disk
environment variables, under overlays
world       the simulated services

require "release" gives the vocabulary in which releases are written: docs/reference/release.md.

try(fn, …) gives results, or nil and an error object; secret(text) is text that nothing prints; breakpoint() stops
where a debugger is attached. All three are global.
A script's own modules are found beside it, and in FAIRLEAD_PATH.
]]

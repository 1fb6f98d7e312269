return [[
    local lock <close> = run:lock("development", { reason = "try the new map", ["for"] = 2 * 3600 })

has an environment to itself until the variable is closed, however the run ends.

reason    why; those who wait, and `fairlead locks`, read it
for       seconds for which it will be needed; it is a word to others and ends nothing. lock:extend(seconds) changes it
timeout   seconds to wait in line when somebody else has it: an hour when left out, 0 not at all
lease     seconds after which a run that was killed, or stands still, has lost it: 60 when left out
notify    where its owner is told of a theft: { slack = { channel = "C…", thread = "…" } }

Who waits stands in line, and is served in order of arrival. A run that cannot have the lock in time, or that was
started with --no-wait, ends with exit code 75 and says who has it, why, and until when.

A lock is a lease. While it is held it is renewed; a run that is killed stops renewing it, and the next in line gets it
when it has run out. The same run, taken up again, has it again. Before each step inside it that would act, the lock is
looked at: a run that lost it (it was paused for longer than the lease, or the lock was stolen) is refused that step,
with the kind lock.lost. lock.token grows each time the lock is taken: a service that takes such a number can refuse
the lesser one itself.

    fairlead locks                                          who has what, and who waits
    fairlead unlock ENVIRONMENT                             give back one's own
    fairlead unlock ENVIRONMENT --steal --reason "…"        take away anybody's; it is recorded, and they are told
]]

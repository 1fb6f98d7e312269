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

In a project these two also tell of, and give back, what all machines share. A release written with the library has each
environment that it deploys to by a record in the application's repository,
refs/fairlead/reservations/APPLICATION/ENVIRONMENT: who, which pull request and commit, why, until when, and who waits.
`git fetch origin` that ref and `git log FETCH_HEAD` is its history. People have environments by the same record:

    fairlead reserve APPLICATION ENVIRONMENT --for 2h --reason "users try it" [--pull-request 41]
    fairlead reserve APPLICATION ENVIRONMENT --extend 1h       longer; its holder is told in Slack before its end
    fairlead reserve APPLICATION ENVIRONMENT --hand-over LOGIN somebody else's from now on
    fairlead reserve APPLICATION ENVIRONMENT --give-back
    fairlead reserve APPLICATION ENVIRONMENT --show            and what runs there, where that is something else
    fairlead reserve APPLICATION ENVIRONMENT --steal --reason "…"
    fairlead reserve APPLICATION ENVIRONMENT --free --reason "…"   after a rollback nobody deploys until this is said

A reservation ends when its time is over, and with its pull request; who comes next takes it over and says so. A release
by the same person enters it. Releases of commits of main wait in the order of the commits; one that is older than what
is live is refused, as newer-is-live.
]]

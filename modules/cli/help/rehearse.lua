return [[
    fairlead rehearse SCRIPT [name=value…] [--scenario NAME] [--seed N]

The script runs as it is, with the same clients, retries and signatures. Below them, the network leads to a simulated
GitHub, AWS and Slack, time is virtual, and the repository is a temporary one. Nothing real is touched.

A scenario says what happens: `fairlead rehearse --list` lists them. A seed chooses among the many ways in which it can
happen; the same seed gives the same run, event for event.

The procedure says what exists there: rehearsal = function() return {github = …, aws = …, slack = …} end.

    fairlead rehearse SCRIPT --crash-everywhere [--scenario NAME] [--seed N] [--reads N|all] [--json]

Kills the rehearsal as kill -9 does, at every instant at which the world could tell: after each record of the run,
before and after each request and each program that it starts. Each time the run is taken up again, and what GitHub,
AWS and Slack hold in the end is compared with what an uninterrupted run leaves. The report names the step that did
something twice, or not at all, and says what its `already` has to look for. Exit code 1 when anything is wrong.

Requests in a row that only read change nothing, so of those one is tried in each part of the procedure; --reads all
tries them all.
]]

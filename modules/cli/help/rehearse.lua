return [[
    fairlead rehearse SCRIPT [name=value…] [--scenario NAME] [--seed N]

The script runs as it is, with the same clients, retries and signatures. Below them, the network leads to a simulated
GitHub, AWS and Slack, time is virtual, and the repository is a temporary one. Nothing real is touched.

A scenario says what happens: `fairlead rehearse --list` lists them. A seed chooses among the many ways in which it can
happen; the same seed gives the same run, event for event.

The procedure says what exists there: rehearsal = function() return {github = …, aws = …, slack = …} end.
]]

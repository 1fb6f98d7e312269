return [[
    parameters = {
      branch = { help = "the branch to release" },
      approvals = { type = "integer", default = 1 },
      size = { type = "choice", choices = { "small", "large" }, default = "small" },
      hold = { type = "duration", default = "20m" },
      environment = { required = true },
    }

type is string, boolean, integer, number, choice or duration; string when left out.
    boolean   yes, no, true, false, on, off, 1, 0
    duration  90s, 20m, 1h30m, 2d, or seconds; the script gets seconds
secret = true: the value is a secret; no event and no log shows it.

On the command line they are name=value. `fairlead help SCRIPT` lists a procedure's own.
]]

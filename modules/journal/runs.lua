--- The runs that a journal holds: to begin, to find, to list, to take up, to end.
local errors = require "fairlead.errors"
local json = require "fairlead.json"
local outcomes = require "fairlead.procedure.outcome"
local owners = require "fairlead.journal.owner"
local rows = require "fairlead.journal.row"

local M = {}

---@class journal.Run
---@field id string
---@field procedure string
---@field summary? string
---@field mode string
---@field script? string path
---@field command? string of the script's procedure; nil: the procedure itself
---@field sha256? string of the script and the modules beside it
---@field commit? string of the script's repository; ends in '+' when its files differ from that
---@field parameters table<string, any>
---@field directory? string
---@field user? string
---@field host? string
---@field began number unix seconds
---@field finished? number
---@field outcome? string
---@field reason? string
---@field exit_code? integer
---@field error? {text: string, kind: string, hint: string?, failed: string?}
---@field attempts integer 1, and one for each recorded end after which it was taken up: who was killed had not ended
---@field owner? journal.Owner
---@field token? string
---@field state string "running", its outcome, "interrupted" where the process is gone, or "elsewhere"
---@field resumable boolean

local function as_run(path, row)
  rows.read(path, row, rows.run, ("run %s"):format(tostring(row.id)))
  local run = {
    id = row.id, number = row.number, procedure = row.procedure, summary = row.summary, mode = row.mode,
    script = row.script, command = row.command, sha256 = row.sha256, commit = row.git_commit,
    parameters = row.parameters, directory = row.directory, user = row.user, host = row.host,
    began = row.began, finished = row.finished,
    outcome = row.outcome, reason = row.reason, exit_code = row.exit_code, error = row.error,
    attempts = row.attempts, owner = row.owner, token = row.token,
  }
  if run.owner then
    local state = owners.state(run.owner)
    run.state = state == "alive" and "running" or state == "gone" and "interrupted" or "elsewhere"
  else
    run.state = run.outcome or "interrupted"
  end
  -- Of a session of the REPL there is nothing to take up: its lines were typed.
  run.resumable = run.mode ~= "repl" and run.state ~= "running" and outcomes.can_resume(run.outcome, run.reason)
  return run
end

---@param Journal table the class
function M.install(Journal)
  ---Writes down that a run begins; this process is its owner.
  ---@param run table id, procedure, summary, mode, parameters, directory, user; script = journal.Script or nil;
  --- command, if it is one of the script's
  ---@return string token what its owner shows with each further writing
  function Journal:begin(run)
    local token, now = owners.token(), self:now()
    local owner = owners.here(run.user, now)
    local script = run.script
    self:transaction(function()
      if #self.db:rows("SELECT 1 FROM runs WHERE id = ?", run.id) > 0 then
        errors.raise {
          kind = "journal.exists", op = "journal", target = run.id, message = "there is a run with this id",
        }
      end
      if script then
        self.db:run("INSERT INTO scripts (sha256, files) VALUES (?, ?) ON CONFLICT DO NOTHING", script.sha256,
          json.encode(script.files))
      end
      self.db:run([[INSERT INTO runs (id, number, procedure, summary, mode, script, command, sha256, git_commit,
          parameters, directory, user, host, began, attempts, owner, token, ordinal)
        VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM runs), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, 0)]],
        run.id, run.procedure, run.summary, run.mode, script and script.path, run.command, script and script.sha256,
        script and script.commit, json.encode(run.parameters), run.directory, run.user, owner.host, now,
        json.encode(owner), token)
    end)
    return token
  end

  ---A run, by its id or the only one that begins so.
  ---@param id string
  ---@return journal.Run
  ---errors: kind "resume.unknown"
  function Journal:run(id)
    local found = self.db:rows("SELECT * FROM runs WHERE id = ?", id)
    if #found == 0 and #id > 0 then
      found = self.db:rows([[SELECT * FROM runs WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1
        LIMIT 2]], id)
    end
    if #found ~= 1 then
      errors.raise {
        kind = "resume.unknown", op = "run", target = id,
        message = #found == 0 and "the journal has no such run" or "more than one run has this in its id",
        hint = "`fairlead runs` lists them",
      }
    end
    return as_run(self.path, found[1])
  end

  ---The newest runs, the newest first.
  ---@param limit? integer 50
  ---@return journal.Run[]
  function Journal:runs(limit)
    local list = {}
    for i, row in ipairs(self.db:rows("SELECT * FROM runs ORDER BY number DESC LIMIT ?", limit or 50)) do
      list[i] = as_run(self.path, row)
    end
    return list
  end

  ---The newest run that can be taken up.
  ---@return journal.Run
  ---errors: kind "resume.nothing"
  function Journal:newest_resumable()
    local running
    for _, run in ipairs(self:runs(1000)) do
      if run.resumable and run.mode == "run" then return run end
      running = running or (run.state == "running" and run)
    end
    errors.raise {
      kind = "resume.nothing", op = "resume",
      message = "no run can be taken up" .. (running and ("; %s is carried out by %s"):format(running.id,
        owners.describe(running.owner)) or ""),
      hint = "`fairlead runs` lists them",
    }
  end

  ---The script that a run was made of, as it was.
  ---@param sha256 string
  ---@return {path: string, sha256: string, text: string}[]|nil files
  function Journal:files(sha256)
    local row = self.db:rows("SELECT files FROM scripts WHERE sha256 = ?", sha256)[1]
    return row and rows.read(self.path, row, rows.script, "script " .. sha256).files
  end

  ---What was recorded of a run, in order.
  ---@param id string
  ---@return table[] entries
  function Journal:entries(id)
    local list = self.db:rows("SELECT * FROM entries WHERE run = ? ORDER BY ordinal", id)
    for _, entry in ipairs(list) do
      entry.run = nil
      rows.read(self.path, entry, rows.entry, ("run %s, entry %s"):format(id, tostring(entry.id)))
    end
    return list
  end

  ---The events of a run, oldest first.
  ---@param id string
  ---@return table[] events
  function Journal:events(id)
    local list = self.db:rows("SELECT event FROM events WHERE run = ? ORDER BY ordinal", id)
    for i, row in ipairs(list) do
      list[i] = rows.read(self.path, row, rows.event, ("run %s, event %d"):format(id, i)).event
    end
    return list
  end

  ---How long an entry took in earlier runs of a procedure, the newest first.
  ---@param run journal.Run the run that is not counted
  ---@param path string
  ---@return number[] seconds 20 at most
  function Journal:durations(run, path)
    local list = {}
    for i, row in ipairs(self.db:rows([[SELECT e.finished - e.began AS seconds
        FROM runs r JOIN entries e ON e.run = r.id
        WHERE r.procedure = ? AND r.id <> ? AND e.id = ? AND e.status = 'finished' AND e.finished >= e.began
        ORDER BY r.number DESC LIMIT 20]], run.procedure, run.id, path)) do
      list[i] = row.seconds
    end
    return list
  end

  ---Makes this process the owner of a run that nobody carries out now. Of several who try, one comes through.
  ---@param id string
  ---@param options? {user: string?, take_over: boolean?, script: journal.Script?}
  ---@return string token
  ---errors: kinds "resume.unknown", "resume.finished", "resume.running"
  function Journal:take(id, options)
    options = options or {}
    local token, now = owners.token(), self:now()
    self:transaction(function()
      local run = self:run(id)
      if run.state == "running" or (run.state == "elsewhere" and not options.take_over) then
        local elsewhere = run.state == "elsewhere"
        errors.raise {
          kind = "resume.running", op = "resume", target = run.id,
          message = ("is carried out by %s, since %s"):format(owners.describe(run.owner),
            os.date("%Y-%m-%d %H:%M:%S", math.floor(run.owner.since))),
          hint = elsewhere and "resume it there; where that machine is gone for good: --take-over"
            or "wait for it, or end it with Ctrl-C there",
        }
      end
      if run.mode == "repl" then
        errors.raise {
          kind = "resume.finished", op = "resume", target = run.id,
          message = "is the record of a REPL's writes: there is nothing to take up",
          hint = ("`fairlead show %s` shows them"):format(run.id),
        }
      end
      if not run.resumable then
        local by = run.outcome == "refused" and "; somebody said no" or ""
        errors.raise {
          kind = "resume.finished", op = "resume", target = run.id,
          message = ("has ended: %s%s"):format(run.outcome, by), hint = "start a new run",
        }
      end
      local script = options.script
      if script then
        self.db:run("INSERT INTO scripts (sha256, files) VALUES (?, ?) ON CONFLICT DO NOTHING", script.sha256,
          json.encode(script.files))
        self.db:run("UPDATE runs SET sha256 = ?, git_commit = ? WHERE id = ?", script.sha256, script.commit, run.id)
      end
      self.db:run([[
        UPDATE runs SET owner = ?, token = ?, attempts = attempts + (finished IS NOT NULL), finished = NULL,
          outcome = NULL, reason = NULL, exit_code = NULL, error = NULL WHERE id = ?]],
        json.encode(owners.here(options.user, now)), token, run.id)
    end)
    return token
  end
end

return M

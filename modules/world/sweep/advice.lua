--- How to make a step safe that did something twice: what its `already` has to look for.
local M = {}

--- What was done, by a part of how it reads in a report, and where to look for it.
local WHERE <const> = {
  { "/dispatches$", "look for the workflow run that it started: newer than the step's beginning, of the same commit and"
    .. " by the same user" },
  { "/api/chat%.postMessage$", "write the run and the step into the message's `metadata`, and look for that in the"
    .. " channel or thread" },
  { "/api/files%.", "look in the channel for the file by its name" },
  { "/pulls$", "look for the open pull request of the branch: `gh:pull_request { head = branch }`" },
  { "/git/refs$", "look whether the ref is there, and whether its commit is the one that was meant" },
  { "/deployments$", "write the run and the step into the deployment's `payload`, and look for that" },
  { "/issues$", "look for the open issue by its label or title" },
  { "/merge$", "look whether the pull request is merged, and as which commit" },
  { "/comments$", "look for the comment among the user's own by a marker in its text" },
  { "/reviews$", "look for the user's own review of the same commit" },
  { "pending_deployments$", "look whether the run still waits for the environment" },
  { " CreateDeployment$", "look for a deployment of the same revision that is newer than the step's beginning" },
  { " UpdateService$", "look for a deployment of the service that is newer than the step's beginning" },
  { " RegisterTaskDefinition$", "describe the family's newest revision and compare what it runs" },
  { " RunTask$", "list the tasks that were started by the step's id: give it as `startedBy`" },
  { " SendMessage$", "give the message an id of its own (run and step) by which its receiver knows it again" },
  { "^git .-push", "look where the remote's ref is: `repository:fetch()`, then `repository:resolve`" },
}

--- For a run that ends otherwise when it is taken up.
M.ENDED_OTHERWISE = "what it looks at there was changed by the run itself before it was killed: ask for it in the"
  .. " `already` or the `act` of the step that it guards, which do not run again once the step is finished"

---@param path string the step; "" when it was none
---@param inside boolean whether a step was under way there: its record was begun
---@param text string what was done, as an instant tells it
---@return string
function M.of(path, inside, text)
  local look = "look in the world for what it does, and return what it would have returned"
  for _, known in ipairs(WHERE) do
    if text:find(known[1]) then
      look = known[2]
      break
    end
  end
  if not inside then
    return ("it is done outside of any step (%s): do it in a run:step, with an `already`: %s"):format(
      path == "" and "at the top of the procedure" or "in " .. path, look)
  end
  return ("give the step %q an `already`: %s"):format(path, look)
end

return M

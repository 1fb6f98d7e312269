--- Applications that work on the messages of a queue: while a healthy task of their service runs, each message is
--- taken, worked on for a while, and answered by a message in another queue.
---
--- A version that the scenario breaks (`smoke_fails`) answers "FAILED", or nothing at all.
local json = require "fairlead.json"
local sqs = require "fairlead.world.aws.sqs"
local tasks = require "fairlead.world.aws.tasks"

local M = {}

---@class fairlead.world.aws.Worker the fixture's `workers`, in an environment
---@field queue string whose messages it takes
---@field results string queue of its answers: {"id":, "status": "COMPLETE"|"FAILED", "version": short commit id}
---@field service string ECS service that it runs in
---@field seconds number? how long it works on a message; 8 when left out
---@field broken "failed"|"silent"|nil what a broken version does; "failed" when left out

local POLL <const> = { low = 0.2, high = 1.5 } -- seconds until a waiting worker has a message
local LONGEST_PAUSE <const> = 30 -- seconds between two looks whether any task is there

--- The healthy tasks of a service.
local function healthy(aws, service)
  local list = {}
  for _, task in ipairs(tasks.of(aws, service)) do
    if task.last_status == "RUNNING" and task.health == "HEALTHY" and task.desired_status == "RUNNING" then
      list[#list + 1] = task
    end
  end
  return list
end

local function is_broken(aws, environment, container)
  local fails = aws.w.scenario.smoke_fails
  return fails and fails[environment.name] and container.sha ~= aws.initial_sha
end

--- What a message is known by: the `id` of its JSON body, else its own.
local function id_of(message)
  local body = try(json.decode, message.body)
  local id = type(body) == "table" and body.id
  return (type(id) == "string" or math.type(id) == "integer") and id or message.id
end

local look

--- The work is done: the answer is sent, and the message deleted. A task that was stopped meanwhile does neither.
local function finish(aws, worker, message, task)
  if task.last_status ~= "RUNNING" then
    return aws.w:after(math.max(0, message.visible_at - aws.w.now), function()
      look(aws, worker, message, 1)
    end)
  end
  local container = task.containers[1]
  local broken = is_broken(aws, worker.environment, container)
  if broken and worker.fixture.broken == "silent" then
    return -- it comes back when its time is over, and is taken again: nobody sees more of it than that
  end
  sqs.remove(worker.queue, message)
  sqs.send(aws, worker.results, json.encode {
    id = id_of(message),
    status = broken and "FAILED" or "COMPLETE",
    version = container.sha and container.sha:sub(1, 7) or nil,
  })
end

--- A task takes a message, if one is there to take it; if not, that is looked at again after `pause`.
function look(aws, worker, message, pause)
  if not sqs.holds(worker.queue, message) then
    return -- deleted by somebody else
  elseif message.visible_at > aws.w.now then
    return aws.w:at(message.visible_at, function()
      look(aws, worker, message, 1)
    end)
  end
  local able = healthy(aws, worker.service)
  if not able[1] then
    return aws.w:after(pause, function()
      look(aws, worker, message, math.min(pause * 2, LONGEST_PAUSE))
    end)
  end
  local task = worker.draws:pick(able)
  local seconds = (worker.fixture.seconds or 8) * worker.draws:between(0.8, 1.25)
  sqs.take(aws, worker.queue, message, math.max(worker.queue.visibility, 2 * seconds))
  aws.w:after(seconds, function()
    finish(aws, worker, message, task)
  end)
end

--- Makes an environment's workers, and their queues when the fixture does not name those by themselves.
---@param aws fairlead.world.AWS
---@param environment fairlead.world.aws.Environment its services are there
---@param store table
function M.create(aws, environment, store)
  for i, fixture in ipairs(environment.fixture.workers or {}) do
    local service
    for _, held in ipairs(environment.services) do
      service = held.name == fixture.service and held or service
    end
    if not service or type(fixture.queue) ~= "string" or type(fixture.results) ~= "string" then
      error(("the fixture's aws.environments.%s.workers[%d]: queue, results and a service of the environment expected")
        :format(environment.name, i), 0)
    end
    local worker = {
      fixture = fixture,
      environment = environment,
      service = service,
      queue = sqs.create_queue(aws, store, fixture.queue),
      results = sqs.create_queue(aws, store, fixture.results),
      draws = aws.w:stream("aws.worker." .. fixture.queue),
    }
    aws.w:on("message_sent", function(sent)
      if sent.to == worker.queue then
        aws.w:after(worker.draws:between(POLL.low, POLL.high), function()
          look(aws, worker, sent.message, 1)
        end)
      end
    end)
  end
end

return M

-- clients: one DescribeServices, as a whole process from start to end, by Fairlead, by AWS's command line (version 2,
-- of the system; version 1, of `./dev peers`, where that is installed) and by boto3, each against the same simulated
-- ECS (`fairlead world serve`) with the same configuration in environment variables. In turn, medians; and the most
-- memory that each held.
package.path = "./?.lua;" .. package.path -- spec/support
local process = require "fairlead.process"
local served = require "spec.support.served"
local task = require "fairlead.task"

local PROGRAM <const> = "build/release/bin/fairlead"
local ROUNDS <const> = 15
local TIMES <const>, SHARE <const> = 30, 0.2 -- faster than aws, of its memory: at least, at most
local VENV <const> = "build/peers/venv/bin/"

local function is_file(path)
  local file <close> = io.open(path)
  return file ~= nil
end

local OURS <const> = [[
local ecs = aws.session():client "ecs"
local answer = ecs:DescribeServices { cluster = "development-cluster", services = { "development-planning-data" } }
assert(answer.services[1].status == "ACTIVE")]]

-- boto3 where there is one, else what it is made of.
local THEIRS <const> = [[
try:
  from boto3 import client
except ImportError:
  import botocore.session
  client = botocore.session.get_session().create_client
import os
ecs = client("ecs", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
answer = ecs.describe_services(cluster="development-cluster", services=["development-planning-data"])
assert answer["services"][0]["status"] == "ACTIVE"]]

local folder <const> = os.tmpname()
os.remove(folder)
assert(process.run { "mkdir", folder }.code == 0)
local _ <close> = setmetatable({}, { __close = function() process.run { "rm", "-rf", folder } end })

local serving = task.start(process.run, { "sh", "-c", 'exec "$0" "$@" >' .. folder .. "/printed", PROGRAM, "world",
  "serve", "scripts/planning-data.lua" })
local env = served.read(folder .. "/printed")
env.AWS_CONFIG_FILE, env.AWS_SHARED_CREDENTIALS_FILE = "/dev/null", "/dev/null"
env.AWS_EC2_METADATA_DISABLED, env.AWS_PAGER = "true", ""

local function describe(aws) -- its version 2 did not always know AWS_ENDPOINT_URL
  return { aws, "ecs", "describe-services", "--endpoint-url", env.AWS_ENDPOINT_URL, "--cluster", "development-cluster",
    "--services", "development-planning-data" }
end

local programs <const> = { { name = "fairlead", command = { PROGRAM, "-e", OURS } },
  { name = "aws 2", command = describe "/usr/bin/aws" } }
if is_file(VENV .. "aws") then
  programs[3] = { name = "aws 1", command = describe(VENV .. "aws") }
  programs[4] = { name = "boto3", command = { VENV .. "python", "-c", THEIRS } }
else
  programs[3] = { name = "botocore", command = { "/usr/bin/python3", "-c", THEIRS } }
end

local call <const> = { "build/release/bench/spawn", tostring(ROUNDS), env = env, timeout = 600 }
for i, program in ipairs(programs) do
  if i > 1 then call[#call + 1] = "--" end
  table.move(program.command, 1, #program.command, #call + 1, call)
end
local timed = process.run(call)
assert(timed.code == 0, timed.stderr)
serving:cancel "measured"

local rows = {}
for time, memory in timed.stdout:gmatch "([%d.]+) (%d+)\n" do
  rows[#rows + 1] = { time = time / 1000, memory = memory / 1024 }
end
local ours <const> = rows[1]
local function verdict(met) return met and "met" or "MISSED" end
print(("clients: DescribeServices, whole processes, medians of %d"):format(ROUNDS))
for i, program in ipairs(programs) do
  local row <const> = rows[i]
  local faster <const>, share <const> = row.time / ours.time, ours.memory / row.memory
  local text = ("  %-9s %7.1f ms  %5.1f MiB"):format(program.name, row.time, row.memory)
  if i > 1 then text = text .. ("  fairlead: %.0f times as fast, %.2f of the memory"):format(faster, share) end
  if program.name:find "^aws" then
    text = text .. ("; %d times: %s, %.1f: %s"):format(TIMES, verdict(faster >= TIMES), SHARE, verdict(share <= SHARE))
  end
  print(text)
end

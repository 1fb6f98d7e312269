--- AWS's shared files, and what they lead to: whatever stands in them and whatever the programs, addresses and caches
--- that they name answer, there are credentials or an error object that can be shown, and in no time.
---
--- The input is fields (see spec.fuzz.answers): the config file, the credentials file, variables (NAME=value, a line
--- each), a cached sign-in, then answers: a status of three digits and the body; of a program: its output.
local answers = require "spec.fuzz.answers"
local aws = require "fairlead.aws"
local clock = require "fairlead.clock"
local digest = require "fairlead.digest"
local environment = require "fairlead.environment"
local folder = require "spec.fuzz.folder"
local http = require "fairlead.http"
local lfs = require "lfs"
local process = require "fairlead.process"
local profile = require "fairlead.aws.profile"

local M = { lua = true }

local SIGN_INS <const> = { "corp", "https://corp.awsapps.com/start" }
local START <const> = 1772442000

local home

local function open_home()
  home = folder.new()
  for _, part in ipairs { "/.aws", "/.aws/sso", "/.aws/sso/cache" } do assert(lfs.mkdir(home .. part)) end
end

local function variables_of(text)
  local overlay = { ["AWS_*"] = false, HOME = home }
  for name, value in text:gmatch "([%w_]+)=([^\n]*)" do
    -- A file's name could be that of a device, or of a pipe that nobody writes to.
    if name:find "^AWS_" and not name:find "FILE$" and not value:find "%z" then overlay[name] = value end
  end
  return overlay
end

--- Answers one after the other; the last one again and again.
local function script_of(fields)
  local at = 4
  return function()
    at = math.min(at + 1, math.max(#fields, 5))
    return fields[at] or "404 "
  end
end

local function look(session)
  for _, read in ipairs {
    function() return session:region() end,
    function() return session:client("ecs").endpoint end,
    function() return session:client("s3").endpoint end,
    function() return session:credentials() end,
  } do
    local value, err = try(read)
    if value == nil then answers.check_error(err) end
  end
end

-- No program is run: what it prints is part of the input.
local function without_programs(next_answer, fn)
  local run = process.run
  local _ <close> = setmetatable({}, { __close = function() process.run = run end })
  process.run = function(options)
    for i = 1, #options do assert(type(options[i]) == "string") end
    local said = next_answer()
    local code = tonumber(said:sub(1, 3)) or 0
    return { code = code % 4, stdout = said:sub(4), stderr = said:sub(4), timed_out = code == 124 }
  end
  fn()
end

---@param input string
function M.run(input)
  if not home then open_home() end
  local fields = answers.fields(input)
  folder.write(home .. "/.aws/config", fields[1])
  folder.write(home .. "/.aws/credentials", fields[2] or "")
  for _, name in ipairs(SIGN_INS) do
    folder.write(("%s/.aws/sso/cache/%s.json"):format(home, digest.sha1(name)), fields[4] or "")
  end
  local next_answer = script_of(fields)
  local function transport(request)
    clock.sleep(0.05)
    local said = next_answer()
    return { status = math.max(tonumber(said:match "^%d%d%d") or 200, 200), headers = {}, body = said:sub(5),
      url = request.url }
  end
  environment.with(variables_of(fields[3] or ""), function()
    local files, err = try(profile.load)
    if not files then
      answers.check_error(err)
      assert(tostring(err):find("/.aws/", 1, true), "an error that does not say which file")
    end
    clock.simulate({ start = START }, http.with_transport, transport, without_programs, next_answer, function()
      look(aws.session { mfa_code = function() return "123456" end })
      look(aws.session { profile = "p", region = "eu-west-2", mfa_code = function() return "123456" end })
    end)
  end)
end

function M.close()
  if home then folder.remove(home) end
  home = nil
end

return M

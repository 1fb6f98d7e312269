--- Credentials that a program prints: `credential_process` in a profile. This is how tools for signing in (the AWS
--- command line among them: `aws configure export-credentials --profile NAME --format process`) hand theirs on, and how
--- a long release gets newer ones by itself.
---
--- Source: AWS SDKs and Tools Reference Guide, "Process credential provider".
local answer = require "fairlead.service.answer"
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local process = require "fairlead.process"

local found = require "fairlead.aws.credentials.found"

local M = { name = "credential_process" }

local MOST_LINES <const> = 10
local TIMEOUT <const> = 120 -- seconds; a person may have to touch a key

--- A command line's words, as a shell takes them apart: blanks separate, quotes and backslashes keep together. Nothing
--- else means anything.
---@param text string
---@return string[]? words nothing: a quote is not closed
function M.words(text)
  local list, word, position = {}, nil, 1
  while position <= #text do
    local c = text:sub(position, position)
    if c:find "%s" then
      list[#list + 1], word = word, nil
      position = position + 1
    elseif c == "'" then
      local inner <const>, after = text:match("^([^']*)'()", position + 1)
      if not inner then
        return nil
      end
      word, position = (word or "") .. inner, after
    elseif c == '"' then
      local inner = ""
      position = position + 1
      while text:sub(position, position) ~= '"' do
        local plain <const> = text:match('^\\([\\"$`])', position) or text:match("^.", position)
        if not plain then
          return nil
        end
        inner = inner .. plain
        position = position + (text:find('^\\[\\"$`]', position) and 2 or 1)
      end
      word, position = (word or "") .. inner, position + 1
    elseif c == "\\" then
      if position == #text then
        return nil
      end
      word, position = (word or "") .. text:sub(position + 1, position + 1), position + 2
    else
      word, position = (word or "") .. c, position + 1
    end
  end
  list[#list + 1] = word
  return list
end

local function fail(target, message, cause, details)
  errors.raise {
    kind = "aws.no_credentials", op = "aws.session", target = target, message = "credential_process " .. message,
    cause = cause, details = details, hint = "run the profile's command by hand: what does it say?",
  }
end

--- The last lines of what a program said in its distress.
local function lines_of(text)
  local lines <const> = {}
  for line in text:sub(-10000):gmatch "[^\r\n]+" do
    lines[#lines + 1] = line:find "%S" and answer.brief(line) or nil
  end
  return table.move(lines, math.max(#lines - MOST_LINES + 1, 1), #lines, 1, {})
end

--- Runs a profile's command.
---@async
---@param command string
---@param target string names the profile in errors
---@return {access_key_id: string, secret_access_key: Secret, session_token: Secret?, expires_at: number?,
--- account_id: string?}
--- raises aws.no_credentials; config.invalid
function M.run(command, target)
  local words <const> = M.words(command)
  if not words or not words[1] then
    errors.raise { kind = "config.invalid", op = "aws.session", target = target,
      message = "credential_process is no command line (a quote is not closed, or nothing is there)" }
  end
  local options <const> = table.move(words, 1, #words, 1, { timeout = TIMEOUT, max_output = 1 << 20, harmless = true })
  local done <const>, err = try(process.run, options)
  if not done then
    fail(target, "cannot be run: " .. err.message, err)
  elseif done.timed_out then
    fail(target, ("has given nothing in %d s"):format(TIMEOUT))
  elseif done.code ~= 0 then
    local said <const> = lines_of(done.stderr)
    local last <const> = table.remove(said)
    fail(target, ("ended with code %d%s"):format(done.code, last and ": " .. last or ""), nil, said[1] and said)
  end
  local output <const>, problem = found.parse(done.stdout)
  if not output then
    fail(target, "has printed " .. problem)
  elseif output.Version ~= 1 then
    fail(target, "has printed no credentials of version 1")
  end
  local given <const>, wrong = found.take(output, "SessionToken")
  if not given then
    fail(target, "has printed " .. wrong)
  elseif given.expires_at and given.expires_at <= clock.now() then
    fail(target, "has printed credentials that have ended already")
  end
  return given
end

---@async
---@param session fairlead.aws.Session
---@return fairlead.aws.Credentials?
---@return string? why
function M.load(session)
  local command <const> = session:settings().credential_process
  if not command then
    return nil, ("profile '%s' names none"):format(session.profile)
  end
  local target <const> = session:name(session:path_of "credential_process")
  return found.make(M.run(command, target), "credential_process of " .. target)
end

return M

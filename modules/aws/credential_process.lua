--- Credentials that a program prints: `credential_process` in a profile. This is how tools for signing in (the AWS
--- command line among them: `aws configure export-credentials --profile NAME --format process`) hand theirs on, and how
--- a long release gets newer ones by itself.
---
--- Source: AWS SDKs and Tools Reference Guide, "Process credential provider".
local answer = require "fairlead.service.answer"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local json = require "fairlead.json"
local process = require "fairlead.process"

local M = {}

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

local function fail(target, message, cause)
  errors.raise {
    kind = "aws.no_credentials", op = "aws.session", target = target, message = "credential_process " .. message,
    cause = cause, hint = "run the profile's command by hand: what does it say?",
  }
end

local function text_in(value)
  return value ~= nil and value ~= json.null and http.reveal(value) or nil
end

--- Runs a profile's command.
---@async
---@param command string
---@param target string names the profile in errors
---@return {access_key_id: string, secret_access_key: Secret, session_token: Secret?, expires_at: number?}
--- raises aws.no_credentials; config.invalid
function M.run(command, target)
  local words <const> = M.words(command)
  if not words or not words[1] then
    errors.raise { kind = "config.invalid", op = "aws.session", target = target,
      message = "credential_process is no command line (a quote is not closed, or nothing is there)" }
  end
  local options <const> = table.move(words, 1, #words, 1, { timeout = TIMEOUT, max_output = 1 << 20 })
  local done <const>, err = try(process.run, options)
  if not done then
    fail(target, "cannot be run: " .. err.message, err)
  elseif done.code ~= 0 then
    local last <const> = done.stderr:match "([^\n]*)\n*$"
    fail(target, ("ended with code %d%s"):format(done.code, last ~= "" and ": " .. answer.brief(last) or ""))
  end
  -- As a secret: what is wrong with it is told without a word of it.
  local output <const>, wrong = try(json.decode, secret(done.stdout))
  if type(output) ~= "table" then
    fail(target, "has printed something that is no JSON object", wrong)
  elseif output.Version ~= 1 then
    fail(target, "has printed no credentials of version 1")
  end
  local id <const>, key = text_in(output.AccessKeyId), output.SecretAccessKey
  if not id or not key or key == json.null then
    fail(target, "has printed no AccessKeyId and SecretAccessKey")
  end
  local expires <const> = text_in(output.Expiration)
  if expires and not answer.time(expires) then
    fail(target, "has printed an Expiration that is no time")
  end
  return { access_key_id = id, secret_access_key = key, expires_at = answer.time(expires),
    session_token = output.SessionToken ~= json.null and output.SessionToken or nil }
end

return M

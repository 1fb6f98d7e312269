--- What `git` says when it fails, turned into error objects: what happened, and what to do next.
---
--- git has no codes for its failures, only English text (LC_ALL=C sees to that) and curl's and ssh's. So it is matched,
--- the particular before the general; what nothing matches is kind `git.failed` with git's own last line.
local address = require "fairlead.git.address"
local errors = require "fairlead.errors"

local M = {}

---@class fairlead.git.Trouble
---@field [integer] string patterns, in small letters, any of which tells it
---@field kind string
---@field message string? without it, the line that told
---@field hint string?
---@field retryable boolean?

---@type fairlead.git.Trouble[]
local TROUBLES <const> = {
  {
    "host key verification failed", "remote host identification has changed",
    kind = "git.host_key", message = "the server's SSH key is not the known one",
    hint = "compare its fingerprint with the published one, then: ssh-keyscan HOST >>~/.ssh/known_hosts",
  },
  {
    "permission to .+ denied", "write access to repository not granted", "requested url returned error: 403",
    kind = "git.not_authorised", message = "the credentials do not permit this",
    hint = "ask for write access to the repository, or use a token that has it",
  },
  {
    "could not read username", "could not read password", "terminal prompts disabled", "authentication failed",
    "invalid username or", "requested url returned error: 401", "permission denied %(", "permission denied, please",
    "no supported authentication methods", "too many authentication failures",
    kind = "git.authentication", message = "the server wants credentials, and none that it takes were found",
    hint = "over HTTPS: gh auth setup-git, or a credential helper; over SSH: ssh-add a key that the server knows",
  },
  {
    "server certificate verification failed", "ssl certificate", "unable to get local issuer",
    "certificate has expired", "certificate subject name", "no alternative certificate subject", "gnutls_handshake",
    "ssl_connect", "tls connect",
    kind = "git.tls",
    hint = "check the system's certificate authorities, git config http.sslCAInfo, and GIT_SSL_CAINFO if it is set",
  },
  {
    "repository not found", "does not appear to be a git repository", "repository '.-' not found",
    "repository '.-' does not exist", "requested url returned error: 404",
    "project you were looking for could not be found",
    kind = "git.not_found", message = "no such repository, or none that these credentials may see",
    hint = "check the address: git remote -v",
  },
  {
    "couldn't find remote ref", "could not find remote branch", "remote branch .- not found",
    kind = "git.not_found", hint = "check the name: git ls-remote",
  },
  { "src refspec .- does not match any", "does not match any$", kind = "git.not_found" },
  {
    "already exists and is not an empty directory", "already exists, and is not an empty",
    kind = "git.exists", message = "the folder exists and is not empty", hint = "clone into a new folder",
  },
  {
    "detected dubious ownership", "unsafe repository",
    kind = "git.unsafe", message = "the repository belongs to another user",
    hint = "if you trust it: git config --global --add safe.directory FOLDER",
  },
  {
    "cannot lock ref", "unable to create '.-%.lock'",
    kind = "git.locked", hint = "another git process is at work, or left its .lock file behind", retryable = true,
  },
  { "no space left on device", kind = "git.failed", message = "no space left on device" },
  {
    "could not resolve host", "could not resolve proxy", "connection refused", "connection timed out",
    "connection reset", "operation timed out", "failed to connect", "couldn't connect", "network is unreachable",
    "no route to host", "unable to connect", "temporary failure in name resolution", "name or service not known",
    "early eof", "rpc failed",
    "unexpected disconnect", "connection closed by", "kex_exchange_identification", "empty reply from server",
    "requested url returned error: 5%d%d", "remote end hung up", "unable to access",
    kind = "git.network", hint = "try again; check the network and the address", retryable = true,
  },
}

local function trimmed(text)
  return (text:gsub("^%s+", ""):gsub("%s+$", ""))
end

local function without_label(line)
  return (trimmed(line):gsub("^fatal: ", ""):gsub("^error: ", ""))
end

--- The line that says most: git's last "fatal:" or "error:", else its last of all.
local function telling_line(text)
  local last, telling
  for line in text:gmatch "[^\r\n]+" do
    line = trimmed(line)
    local said = line:match "^fatal: (.*)" or line:match "^error: (.*)"
    if said and not said:find "^failed to push some refs" then telling = said end
    if line ~= "" and not line:find "^hint:" then last = line end
  end
  return telling or last or "git gives no reason"
end

--- What the other side printed: a hook's words, or the service's.
---@param text string git's standard error
---@return string[] lines
function M.remote_lines(text)
  local lines = {}
  for line in text:gmatch "[^\r\n]+" do
    local said = line:match "^remote: ?(.*)"
    said = said and trimmed(said)
    if said and said ~= "" then lines[#lines + 1] = said end
  end
  return lines
end

-- The trouble and the line that told it.
local function recognise(text)
  for _, trouble in ipairs(TROUBLES) do
    for _, pattern in ipairs(trouble) do
      for line in text:gmatch "[^\r\n]+" do
        if line:lower():find(pattern) then return trouble, without_label(line) end
      end
    end
  end
  return nil, telling_line(text)
end

--- Raises the error that a failed run of git was.
---@param op string as "git.push"
---@param target string? what it was for
---@param done fairlead.process.Result
function M.raise(op, target, done)
  if done.timed_out then
    errors.raise {
      kind = "git.timeout", op = op, target = target, message = "git took too long and was stopped", retryable = true,
      hint = "check the network, or give more time with timeout",
    }
  end
  local text = address.redact(done.stderr)
  local trouble, line = recognise(text)
  errors.raise {
    kind = trouble and trouble.kind or "git.failed", op = op, target = target, code = done.code,
    message = trouble and trouble.message or line, hint = trouble and trouble.hint,
    retryable = trouble and trouble.retryable, details = trimmed(text),
  }
end

return M

--- The world's repository over git's smart HTTP, as GitHub serves it: anybody may read, who pushes needs the token. The
--- work is git's own: `git http-backend`, a CGI program.
local digest = require "fairlead.digest"
local message = require "fairlead.world.message"
local process = require "fairlead.process"

local M = {}

local MOST <const> = 256 << 20 -- bytes of a pack that is served

--- The address to clone from; with the token in it when it is to be pushed to as well.
---@param world fairlead.world.World
---@param base string "http://127.0.0.1:N"
---@param with_token boolean?
---@return string
function M.url(world, base, with_token)
  local github = world.fixture.github
  if with_token then
    base = base:gsub("^http://", ("http://%s:%s@"):format(github.user, github.token))
  end
  return ("%s/%s.git"):format(base, github.repository)
end

--- The path below the repository and the query, when the target is one of git's.
local function split(world, target)
  local path, query = target:match "^([^?]*)%??(.*)$"
  path = path:gsub("^/git/", "/")
  local start = ("/%s.git/"):format((world.fixture.github or {}).repository or "")
  if path:sub(1, #start):lower() == start:lower() then
    return path:sub(#start), query
  end
end

--- Whether the password of Basic authorization is one of the world's tokens.
local function knows_token(world, authorization)
  local encoded = (authorization or ""):match "^[Bb]asic%s+(%S+)$"
  local plain = encoded and digest.unbase64(encoded)
  local password = plain and plain:match "^[^:]*:(.*)$"
  local github = world.fixture.github
  return password ~= nil and (password == github.token or (github.tokens or {})[password] ~= nil)
end

--- The CGI program's answer: headers, an empty line, the body.
local function read_cgi(text)
  local head, body = text:match "^(.-)\r?\n\r?\n(.*)$"
  if not head then
    return message.text(500, "git http-backend gave no answer\n")
  end
  local status, headers = 200, {}
  for name, value in head:gmatch "([^:\r\n]+):%s*([^\r\n]*)" do
    if name:lower() == "status" then
      status = math.tointeger(tonumber(value:match "^%d+")) or 500
    elseif name:lower() ~= "content-length" then
      headers[#headers + 1] = { name, value }
    end
  end
  return { status = status, headers = headers, body = body }
end

local function run_backend(folder, path, query, sent, header)
  local done = process.run {
    "git", "http-backend",
    env = {
      GIT_PROJECT_ROOT = folder.path,
      GIT_HTTP_EXPORT_ALL = "1",
      GIT_CONFIG_NOSYSTEM = "1",
      GIT_CONFIG_GLOBAL = "/dev/null",
      GIT_CONFIG_COUNT = "1", -- the folder may belong to another user, as in a container
      GIT_CONFIG_KEY_0 = "safe.directory",
      GIT_CONFIG_VALUE_0 = "*",
      GIT_PROTOCOL = header "git-protocol" or false,
      PATH_INFO = "/" .. folder.origin:match "[^/]+$" .. path,
      REQUEST_METHOD = sent.method,
      QUERY_STRING = query,
      CONTENT_TYPE = header "content-type" or "",
      CONTENT_LENGTH = tostring(#sent.body),
      HTTP_CONTENT_ENCODING = header "content-encoding" or false, -- it unpacks gzip itself
      REMOTE_ADDR = "127.0.0.1",
      REMOTE_USER = "git",
    },
    stdin = sent.body,
    max_output = MOST,
  }
  return read_cgi(done.stdout)
end

--- Answers what git's clients ask of the repository; nil for everything else.
---@async
---@param world fairlead.world.World
---@param sent {method: string, target: string, headers: string[][], body: string}
---@return fairlead.world.Answer?
function M.answer(world, sent)
  local path, query = split(world, sent.target)
  if not path then
    return nil
  end
  if world.faults:is_down "github" then
    return message.text(503, "GitHub is out of order.\n")
  end
  local header = message.parse({ method = "GET", url = "http://x/", headers = sent.headers }).header
  local writes = path == "/git-receive-pack" or query:find("service=git-receive-pack", 1, true)
  if writes and not knows_token(world, header "authorization") then
    return message.text(401, "Authentication is required to push: the token is the password.\n", {
      { "www-authenticate", 'Basic realm="GitHub"' },
    })
  end
  -- A push may not come between the parts of an answer or of a merge.
  local answer = world:exclusive(run_backend, world:open(), path, query, sent, header)
  if path == "/git-receive-pack" then
    world:settle() -- checks and workflow runs begin now, not when somebody next asks
  end
  return answer
end

return M

--- Addresses of remote repositories, in all the forms that git takes.
local M = {}

---@class fairlead.git.Address
---@field url string as configured, without what may be a credential
---@field scheme "https"|"http"|"ssh"|"git"|"file"
---@field host string? in small letters; nil for a folder
---@field port integer?
---@field owner string? what stands before the name: "digital-land", "group/subgroup"; of a folder, the one it is in
---@field name string without ".git"

local SCHEMES <const> = { https = "https", http = "http", ssh = "ssh", git = "git", file = "file",
  ["git+ssh"] = "ssh", ["ssh+git"] = "ssh" }

-- Over HTTP a token may stand as user or as password; over SSH only a password is secret.
local function without_credentials(scheme, userinfo)
  if not userinfo or scheme == "http" or scheme == "https" then return "" end
  return userinfo:match "^[^:]*" .. "@"
end

local function split_host(text)
  local address, port = text:match "^%[([^%]]+)%]:?(%d*)$"
  if not address then
    address, port = text:match "^([^:]*):?(%d*)$"
  end
  return address and address:lower(), math.tointeger(tonumber(port))
end

-- owner and name: the last part is the name; on a host, all that stands before it is the owner.
local function split_path(path, on_host)
  local trimmed = path:gsub("/+$", ""):gsub("^/+", "")
  trimmed = trimmed:gsub("/%.git$", ""):gsub("(.)%.git$", "%1")
  local owner, name = trimmed:match "^(.*)/([^/]+)$"
  if not owner then return nil, trimmed end
  if not on_host then owner = owner:match "[^/]+$" end
  if owner == "" or owner == "." or owner == ".." then owner = nil end
  return owner, name
end

local function of_url(url, prefix, rest)
  local scheme = SCHEMES[prefix:lower()]
  if not scheme then return nil end
  if scheme == "file" then
    local owner, name = split_path(rest:match "^[^/]*(.*)", false)
    return { url = url, scheme = scheme, owner = owner, name = name }
  end
  local authority, path = rest:match "^([^/]*)(.*)"
  -- The last @: a password may hold one.
  local userinfo, place = authority:match "^(.*)@(.*)$"
  local host, port = split_host(place or authority)
  if not host or host == "" then return nil end
  local owner, name = split_path(path, true)
  return {
    url = prefix .. "://" .. without_credentials(scheme, userinfo) .. (place or authority) .. path,
    scheme = scheme, host = host, port = port, owner = owner, name = name,
  }
end

-- git's own rule: a colon before any slash makes it [user@]host:path.
local function of_scp(url)
  local place, path = url:match "^([^/]*%[[^%]]+%]):(.*)$"
  if not place then
    place, path = url:match "^([^/:]+):(.*)$"
  end
  if not place then return nil end
  local host = split_host(place:match "@([^@]*)$" or place)
  if not host or host == "" then return nil end
  local owner, name = split_path(path, true)
  return { url = url, scheme = "ssh", host = host, owner = owner, name = name }
end

--- Takes an address apart; nil when git would not know what to do with it.
---@param url string https://…, ssh://…, git://…, file://…, user@host:path, or a folder
---@return fairlead.git.Address?
function M.parse(url)
  if url == "" or url:find "^%-" or url:find "%c" then return nil end
  local prefix, rest = url:match "^([%w+.-]+)://(.*)$"
  if prefix then return of_url(url, prefix, rest) end
  if url:find "^[%w+.-]+::" then return nil end -- a transport helper: ext::sh -c …
  local scp = of_scp(url)
  if scp then return scp end
  local owner, name = split_path(url, false)
  return { url = url, scheme = "file", owner = owner, name = name }
end

--- Whether an address holds a password, or over HTTP a user, which is where tokens stand.
---@param url string
---@return boolean
function M.holds_credentials(url)
  local prefix, userinfo = url:match "^([%w+.-]+)://([^/]*)@"
  if not prefix then return false end
  local scheme = SCHEMES[prefix:lower()]
  return scheme == "http" or scheme == "https" or userinfo:find(":", 1, true) ~= nil
end

--- Text of git's with the credentials in its addresses taken out.
---@param text string
---@return string
function M.redact(text)
  return (text:gsub("(%a[%w+.-]*://)([^/%s'\"]*)@", function(prefix, userinfo)
    return prefix .. without_credentials(SCHEMES[prefix:sub(1, -4):lower()] or "https", userinfo)
  end))
end

return M

--- This machine: libraries, certificate authorities, the way out, where runs are recorded.
local environment = require "fairlead.environment"
local git_native = require "fairlead.git.native"
local http_native = require "fairlead.http.native"
local journal = require "fairlead.journal"
local lfs = require "lfs"
local list = require "fairlead.doctor.list"
local process = require "fairlead.process"

local M = {}

local HERE <const> = "Machine"

-- ---- libraries ----

local function libraries()
  local program <const> = process.run { "git", "--version", timeout = 9, harmless = true }
  local version <const> = program.stdout:match "git version ([%w.]+)" or "?"
  local names = {}
  for _, name in ipairs { "libcurl", "OpenSSL", "nghttp2", "zlib" } do
    names[#names + 1] = http_native.about().versions:match(name .. "/%S+")
  end
  return list.ok(("%s, libgit2/%s, git/%s, %s"):format(table.concat(names, ", "), git_native.version(), version,
    _VERSION))
end

-- ---- certificate authorities ----

local LARGEST <const> = 16 << 20 -- bytes; the system's authorities are some 200 kB

local function count_certificates(path)
  local file <close>, problem = io.open(path, "rb")
  local text = file and file:read(LARGEST)
  if not text then return nil, problem or "is empty or cannot be read" end
  local _, count = text:gsub("%-%-%-%-%-BEGIN [%u ]*CERTIFICATE%-%-%-%-%-", "")
  return count
end

local function authorities()
  local named <const>, folder <const> = environment.get "SSL_CERT_FILE", environment.get "SSL_CERT_DIR"
  local built <const> = http_native.about()
  local path <const> = named or not folder and built.ca_file
  if not path then
    local place <const> = folder or built.ca_folder
    if place and lfs.attributes(place, "mode") == "directory" then return list.ok("those in the folder " .. place) end
    return list.bad(("there is no folder %s"):format(place or "of authorities"), "correct SSL_CERT_DIR")
  end
  local advice <const> = named and "correct SSL_CERT_FILE, or unset it for the system's authorities"
    or "apt install ca-certificates, or name a file: SSL_CERT_FILE"
  local count <const>, problem = count_certificates(path)
  if not count then return list.bad(problem, advice) end
  if count == 0 then return list.bad(path .. " holds no certificate", advice) end
  return list.ok(("%d in %s%s"):format(count, path, named and " (SSL_CERT_FILE)" or ""))
end

-- ---- proxy ----

-- As libcurl reads them: "libcurl-env", ENVIRONMENT VARIABLES.
local PROXIES <const> = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }

local function proxy()
  for _, name in ipairs(PROXIES) do
    local value <const> = environment.get(name)
    if value then
      local url <const> = value:find "^%a[%w+.-]*://" and value or "http://" .. value
      local parts = http_native.parse((url:gsub("^socks%w*", "http")))
      if not parts then return list.bad(name .. " is no address", "write it as http://host:port") end
      local except <const> = environment.get "no_proxy" or environment.get "NO_PROXY"
      return list.ok(("%s: %s:%s%s%s"):format(name, parts.host, parts.port,
        url:find("@", 1, true) and ", with a name" or "", except and ("; not for " .. except) or ""))
    end
  end
  return list.ok "none"
end

-- ---- where runs are recorded ----

local function is_writable(path) return process.run({ "test", "-w", path, timeout = 5, harmless = true }).code == 0 end

local function above(path)
  local folder = path
  while folder ~= "" and folder ~= "/" do
    if lfs.attributes(folder, "mode") then return folder end
    folder = folder:match "^(.*)/[^/]*$" or ""
  end
  return path:sub(1, 1) == "/" and "/" or "."
end

local ADVICE <const> = "set FAIRLEAD_STATE to a folder that you may write to"

local function state_folder()
  local path <const> = journal.folder()
  local from <const> = environment.get "FAIRLEAD_STATE" and " (FAIRLEAD_STATE)" or ""
  local about <const> = lfs.attributes(path)
  if not about then
    local folder <const> = above(path)
    if lfs.attributes(folder, "mode") ~= "directory" then return list.bad(folder .. " is no folder", ADVICE) end
    if not is_writable(folder) then return list.bad(("%s may not be written to"):format(folder), ADVICE) end
    return list.ok(("%s%s, not there yet: the first run makes it"):format(path, from), { value = path })
  end
  if about.mode ~= "directory" then return list.bad(path .. " is no folder", ADVICE) end
  if not is_writable(path) then return list.bad(path .. " may not be written to", ADVICE) end
  return list.ok(path .. from, { value = path })
end

local LARGE <const> = 64 << 20 -- bytes: reading more takes seconds, in which nothing else would go on

local function look_into_journal(folder)
  local path <const> = folder .. "/journal.db"
  local about <const> = lfs.attributes(path)
  if not about then return list.ok "none yet" end
  local book <close> = journal.open { folder = folder, busy = 2 }
  local found <const> = book.db:rows "SELECT count(*) AS runs, sqlite_version() AS version FROM runs"[1]
  local text <const> = ("%d run%s, SQLite/%s"):format(found.runs, found.runs == 1 and "" or "s", found.version)
  if about.size > LARGE then return list.ok(text .. "; not read through, as it is large") end
  local sound <const> = book.db:rows("PRAGMA quick_check(1)")[1]
  if sound and sound.quick_check ~= "ok" then
    return list.bad("is damaged: " .. tostring(sound.quick_check), ("keep %s, and begin a new one"):format(path))
  end
  return list.ok(text)
end

---Adds what there is to look at on this machine.
---@param checks doctor.List
function M.add(checks)
  checks:add(HERE, "libraries", {}, libraries)
  checks:add(HERE, "authorities", {}, authorities)
  checks:add(HERE, "proxy", {}, proxy)
  local state <const> = checks:add(HERE, "state folder", {}, state_folder)
  checks:add(HERE, "journal", { needs = { state } }, look_into_journal)
end

return M

--- Certificates for TLS specs, made by openssl: an authority of our own, and servers' certificates good and bad.
local process = require "fairlead.process"

local M = {}

M.NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1" -- of whoever is on this machine
local NAMES <const> = M.NAMES
local KEY <const> = { "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes" }

local function openssl(folder, ...)
  local arguments = { "openssl", cwd = folder, timeout = 30 }
  for _, argument in ipairs { ... } do
    if type(argument) == "table" then
      table.move(argument, 1, #argument, #arguments + 1, arguments)
    else
      arguments[#arguments + 1] = argument
    end
  end
  process.run(arguments):check()
end

local function self_signed(folder, name, subject, ...)
  openssl(folder, "req", "-x509", KEY, "-keyout", name .. ".key", "-out", name .. ".pem", "-subj", "/CN=" .. subject,
    "-days", "30", ...)
end

---Makes NAME.pem and NAME.key: a server's certificate for some names, by an authority that is in the folder.
---@param folder string
---@param name string
---@param names string as subjectAltName=…
---@param authority string
---@param days string for how long; a negative number: until so many days ago
---@param key? string[] openssl's arguments for its key
function M.signed(folder, name, names, authority, days, key)
  openssl(folder, "req", key or KEY, "-keyout", name .. ".key", "-out", name .. ".csr", "-subj", "/CN=spec",
    "-addext", names)
  openssl(folder, "x509", "-req", "-in", name .. ".csr", "-CA", authority .. ".pem", "-CAkey", authority .. ".key",
    "-CAcreateserial", "-days", days, "-copy_extensions", "copy", "-out", name .. ".pem")
end

---Makes, in a folder, NAME.pem and NAME.key for each of: authority; good (signed by it, for localhost and 127.0.0.1);
---expired; wrong (for another name); self_signed; stranger (signed by an authority that nobody is told of).
---@param folder string
function M.make(folder)
  self_signed(folder, "authority", "An Authority")
  self_signed(folder, "unknown", "Another Authority")
  self_signed(folder, "self_signed", "spec", "-addext", NAMES)
  M.signed(folder, "good", NAMES, "authority", "30")
  M.signed(folder, "expired", NAMES, "authority", "-1")
  M.signed(folder, "wrong", "subjectAltName=DNS:other.example", "authority", "30")
  M.signed(folder, "stranger", NAMES, "unknown", "30")
end

return M

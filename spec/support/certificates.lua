--- Certificates for TLS specs, made by openssl: an authority of our own, and servers' certificates good and bad.
local process = require "fairlead.process"

local M = {}

local NAMES <const> = "subjectAltName=DNS:localhost,IP:127.0.0.1"
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

local function signed(folder, name, names, authority, days)
  openssl(folder, "req", KEY, "-keyout", name .. ".key", "-out", name .. ".csr", "-subj", "/CN=spec", "-addext", names)
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
  signed(folder, "good", NAMES, "authority", "30")
  signed(folder, "expired", NAMES, "authority", "-1")
  signed(folder, "wrong", "subjectAltName=DNS:other.example", "authority", "30")
  signed(folder, "stranger", NAMES, "unknown", "30")
end

return M

--- JSON Web Tokens signed with RS256: how a GitHub App proves who it is.
---
--- Sources: RFC 7515 (compact form), RFC 7518 section 3.3 (RS256), RFC 7519 (claims).
local digest = require "fairlead.digest"
local json = require "fairlead.json"
local native = require "fairlead.jwt.native"

local M = {}

local HEADER <const> = '{"alg":"RS256","typ":"JWT"}'

--- Reads a private key from a PEM file into a secret, which is wiped when it is no longer used.
---@param path string
---@return Secret? key
---@return string? problem why it cannot be read
function M.read_key(path)
  return native.read_key(path)
end

--- Signs claims.
---@param claims table<string, any> `iss`, `iat`, `exp`, …
---@param key string|Secret RSA private key in PEM (PKCS#1 or PKCS#8, without a passphrase), 2048 to 8192 bits
---@return Secret? token compact form
---@return string? problem what is wrong with the key, such as "is no RSA key"
function M.rs256(claims, key)
  if type(claims) ~= "table" then
    error(("bad argument #1 to 'jwt.rs256' (table expected, got %s)"):format(type(claims)), 2)
  end
  return native.sign(HEADER, json.encode(claims, { sort_keys = true }), key)
end

--- Base64 for URLs, which has no padding.
local function decode(text)
  if text:find "[^%w_-]" then return nil end
  return digest.unbase64(text:gsub("[-_]", { ["-"] = "+", ["_"] = "/" }) .. ("="):rep(-#text % 4))
end

local function object(text)
  local value <const> = text and try(json.decode, text)
  return type(value) == "table" and value or nil
end

--- The claims of a token that this key's owner signed. Their times are the caller's to judge.
---@param token string
---@param key string RSA public key in PEM
---@return table<string, any>? claims
---@return string? problem
function M.verify(token, key)
  local text <const>, signature <const> = token:match "^([%w_-]+%.[%w_-]+)%.([%w_-]+)$"
  if not text then return nil, "is no JSON Web Token" end
  local header <const>, claims <const> = object(decode(text:match "^[^.]+")), object(decode(text:match "[^.]+$"))
  -- Whoever lets the token choose its algorithm takes unsigned ones, too.
  if not header or not claims then return nil, "is no JSON Web Token" end
  if header.alg ~= "RS256" then return nil, "is not signed with RS256" end
  local holds <const>, problem = native.verify(text, decode(signature) or "", key)
  if holds == nil then return nil, "cannot be checked: the key " .. problem end
  if not holds then return nil, "is signed by somebody else" end
  return claims
end

return M

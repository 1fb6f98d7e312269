--- A service's address: what was configured, or AWS's own for the region, with FIPS and dual-stack variants.
---
--- Sources: AWS SDKs and Tools Reference Guide, "Service-specific endpoints" (AWS_ENDPOINT_URL and its order), and
--- "Dual-stack and FIPS endpoints"; botocore `partitions.json` and each service's `endpoint-rule-set-1.json` (a spec
--- compares).
local address = require "fairlead.service.address"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"

local M = {}

---@class fairlead.aws.Partition
---@field id string as in ARNs
---@field regions string pattern of its regions' names
---@field domain string
---@field dual_stack string? domain of addresses that have IPv6, too

-- The first whose pattern fits; regions that fit none are taken for the last one's.
---@type fairlead.aws.Partition[]
M.partitions = {
  { id = "aws-cn", regions = "^cn%-%w+%-%d+$", domain = "amazonaws.com.cn",
    dual_stack = "api.amazonwebservices.com.cn" },
  { id = "aws-us-gov", regions = "^us%-gov%-%w+%-%d+$", domain = "amazonaws.com", dual_stack = "api.aws" },
  { id = "aws-iso", regions = "^us%-iso%-%w+%-%d+$", domain = "c2s.ic.gov" },
  { id = "aws-iso-b", regions = "^us%-isob%-%w+%-%d+$", domain = "sc2s.sgov.gov" },
  { id = "aws", regions = "", domain = "amazonaws.com", dual_stack = "api.aws" },
}

-- In GovCloud these services' usual addresses are the FIPS ones.
local GOV_IS_FIPS <const> = { monitoring = true, elasticloadbalancing = true, events = true, logs = true, sqs = true,
  ssm = true, sts = true }

--- The partition that a region is in.
---@param region string
---@return fairlead.aws.Partition
function M.partition(region)
  for _, partition in ipairs(M.partitions) do
    if region:find(partition.regions) then
      return partition
    end
  end
  return M.partitions[#M.partitions]
end

local function yes(text, source)
  local value <const> = text and text:lower()
  if value == nil or value == "" or value == "false" then
    return false
  elseif value == "true" then
    return true
  end
  errors.raise { kind = "config.invalid", op = "aws.session", target = source,
    message = ("'%s' is neither true nor false"):format(text) }
end

--- A switch, by a variable or else by the profile.
local function switch(session, variable, setting)
  local text <const> = environment.get(variable)
  if text then
    return yes(text, variable)
  end
  local value <const> = session:settings()[setting]
  return yes(type(value) == "string" and value or nil, setting)
end

--- AWS's own address of a service in a region.
---@param service {host: string} host: what stands before the region in the address
---@param region string
---@param variant? {fips: boolean?, dual_stack: boolean?}
---@return string url
--- raises config.invalid where there is no such address
function M.of_region(service, region, variant)
  variant = variant or {}
  if not region:find "^[a-z][a-z0-9%-]*$" then -- it becomes part of a host's name
    errors.raise { kind = "config.invalid", op = "aws.session", target = region, message = "is no AWS region",
      hint = "regions look like eu-west-2" }
  end
  local partition <const> = M.partition(region)
  local host, domain = service.host, partition.domain
  if variant.dual_stack then
    domain = partition.dual_stack or errors.raise { kind = "config.invalid", op = "aws.session", target = region,
      message = ("there are no dual-stack addresses in %s"):format(partition.id),
      hint = "leave AWS_USE_DUALSTACK_ENDPOINT and use_dualstack_endpoint out" }
  end
  -- S3's and ECR's names came before the rule.
  if host == "s3" then
    return ("https://s3%s%s.%s.%s"):format(variant.fips and "-fips" or "", variant.dual_stack and ".dualstack" or "",
      region, partition.domain)
  elseif host == "api.ecr" and (variant.dual_stack or variant.fips)
    and (partition.id == "aws" or partition.id == "aws-us-gov" or not variant.fips) then
    host = "ecr"
  end
  local plain <const> = partition.id == "aws-us-gov" and not variant.dual_stack and GOV_IS_FIPS[host]
  return ("https://%s%s.%s.%s"):format(host, variant.fips and not plain and "-fips" or "", region, domain)
end

--- What a `services` section of the config file has for a service.
local function of_section(session, service)
  local name <const> = session:settings().services
  if type(name) ~= "string" or name == "" then
    return nil
  end
  local section <const> = session:files().services[name]
  if not section then
    errors.raise { kind = "config.invalid", op = "aws.session", target = session:name(session:path_of "services"),
      message = ("names the section [services %s], which is not there"):format(name),
      hint = "write it, or leave `services` out" }
  end
  local settings <const> = section[service.id:lower()]
  return type(settings) == "table" and settings.endpoint_url or nil
end

--- What was configured for a service by variables or files, and where.
local function configured(session, service)
  if switch(session, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls") then
    return nil
  end
  for _, name in ipairs { "AWS_ENDPOINT_URL_" .. service.id, "AWS_ENDPOINT_URL" } do
    local url <const> = environment.get(name)
    if url then
      return url, name
    end
  end
  local url <const> = of_section(session, service)
  if url then
    return url, ("[services %s] %s"):format(session:settings().services, service.id:lower())
  end
  return session:settings().endpoint_url, "endpoint_url"
end

--- A service's address for a session.
---@param session fairlead.aws.Session
---@param service {host: string, id: string} id: as in AWS_ENDPOINT_URL_<ID>
---@param region string
---@param given? string the address that a script gives
---@return string url without a slash at its end
--- raises config.invalid
function M.resolve(session, service, region, given)
  if given then
    return address.base(given, "endpoint")
  end
  local _ <const>, of_old = try(session.region, session)
  local variant <const> = { fips = of_old == true or switch(session, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
    dual_stack = switch(session, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint") }
  local url <const>, source = configured(session, service)
  if not url then
    return M.of_region(service, region, variant)
  elseif variant.fips or variant.dual_stack then
    -- Whether that address is of such a kind is not to be told: AWS's SDKs refuse it, too.
    errors.raise { kind = "config.invalid", op = "aws.session", target = source,
      message = ("an address is configured, and %s is asked for as well"):format(variant.fips and "FIPS"
        or "dual-stack"),
      hint = "leave one of them out (AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true leaves out all addresses)" }
  end
  return address.base(url, source)
end

return M

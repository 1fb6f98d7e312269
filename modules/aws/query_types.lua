--- What the answers' members are in services that speak AWS's query protocol. XML does not tell a number from a text,
--- nor an empty list from an empty text.
---
--- Source: each service's API model as botocore carries it (`botocore/data/<service>/…/service-2.json`); a spec
--- compares all operations. Within a service a member's name nearly always stands for one type; where it does not, the
--- member that it is part of is named too ("RedirectConfig.Port"). Members that are not named here are texts or
--- structures.
local M = {}

---@alias fairlead.aws.QueryType "integer"|"number"|"boolean"|"time"|"list"|"map"|"string"

local function types(names_by_type)
  local by_name = {}
  for kind, names in pairs(names_by_type) do
    for name in names:gmatch "%S+" do
      by_name[name] = kind
    end
  end
  return by_name
end

---@type table<string, fairlead.aws.QueryType>
M.sts = types {
  integer = "PackedPolicySize SessionTokenSize SessionTokenUtilization",
  time = "Expiration",
}

---@type table<string, fairlead.aws.QueryType>
M.elbv2 = types {
  list = "Actions AdditionalClaims AlpnPolicy Attributes AvailabilityZones CapacityReservationState Certificates "
    .. "Ciphers Conditions DefaultActions Limits Listeners LoadBalancerAddresses LoadBalancerArns LoadBalancers "
    .. "RegexValues Rewrites Rules SecurityGroupIds SecurityGroups SourceNatIpv6Prefixes SslPolicies "
    .. "SslProtocols SupportedLoadBalancerTypes TagDescriptions Tags TargetGroups TargetHealthDescriptions "
    .. "Transforms TrustStoreAssociations TrustStoreRevocations TrustStores Values",
  map = "AuthenticationRequestExtraParams",
  integer = "CapacityUnits Ciphers.Priority DecreaseRequestsRemaining DurationSeconds HealthCheckIntervalSeconds "
    .. "HealthCheckTimeoutSeconds HealthyThresholdCount NumberOfCaCertificates NumberOfRevokedEntries Order Port "
    .. "RevocationId SessionTimeout TargetControlPort TotalRevokedEntries UnhealthyThresholdCount Weight",
  number = "EffectiveCapacityUnits",
  boolean = "Enabled HealthCheckEnabled IgnoreClientCertificateExpiry IsDefault UseExistingClientSecret",
  time = "CreatedTime LastModifiedTime",
  string = "RedirectConfig.Port",
}

return M

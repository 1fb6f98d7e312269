-- Where a service is: AWS's own addresses as botocore has them, and those that were configured.
local aws = require "fairlead.aws"
local endpoint = require "fairlead.aws.endpoint"
local home = require "spec.support.aws_home"
local json = require "fairlead.json"
local process = require "fairlead.process"
local services = require "fairlead.aws.services"

local failure <const> = home.failure

describe("aws addresses", function()
  it("are those that botocore has for each service, partition and variant", function()
    local hosts = { sso = "portal.sso", ["sso-oidc"] = "oidc" }
    for _, name in ipairs(services.names()) do
      hosts[name] = name ~= "s3" and services.list[name].host or nil -- S3's in us-east-1 are of old
    end
    local cases = {}
    for _, region in ipairs { "eu-west-2", "us-east-1", "cn-north-1", "us-gov-west-1" } do
      for name in pairs(hosts) do
        for variant = 0, 3 do
          cases[#cases + 1] = { service = name, region = region, fips = variant & 1 > 0, dual_stack = variant & 2 > 0 }
        end
      end
    end
    local done <const> = process.run { "/usr/bin/python3", "spec/support/botocore_config.py", "endpoints",
      stdin = json.encode(cases), timeout = 60 }
    assert.equal(0, done.code, done.stderr)
    for i, url in ipairs(json.decode(done.stdout)) do
      local case <const> = cases[i]
      local older <const> = case.service == "ecr" and case.dual_stack
        or case.service == "dynamodb" and case.fips and case.region:find "gov"
      if not older then -- botocore 1.29 does not know these two; 1.43 has them
        assert.equal(url, endpoint.of_region({ host = hosts[case.service] }, case.region, case),
          ("%s %s"):format(case.service, case.region))
      end
    end
    assert.is_true(#cases >= 4 * 4 * 15)
  end)

  it("of ECR and DynamoDB are those of newer models", function()
    local ecr <const>, dynamodb = { host = "api.ecr" }, { host = "dynamodb" }
    assert.equal("https://ecr.eu-west-2.api.aws", endpoint.of_region(ecr, "eu-west-2", { dual_stack = true }))
    assert.equal("https://ecr-fips.us-east-1.api.aws",
      endpoint.of_region(ecr, "us-east-1", { dual_stack = true, fips = true }))
    assert.equal("https://dynamodb-fips.us-gov-west-1.amazonaws.com",
      endpoint.of_region(dynamodb, "us-gov-west-1", { fips = true }))
  end)

  it("of S3 and of secluded partitions follow rules of their own", function()
    local s3 <const>, sqs = { host = "s3" }, { host = "sqs" }
    assert.equal("https://s3.eu-west-2.amazonaws.com", endpoint.of_region(s3, "eu-west-2"))
    assert.equal("https://s3-fips.dualstack.us-east-1.amazonaws.com",
      endpoint.of_region(s3, "us-east-1", { fips = true, dual_stack = true }))
    assert.equal("https://sqs.us-iso-east-1.c2s.ic.gov", endpoint.of_region(sqs, "us-iso-east-1"))
    assert.equal("https://sqs.new-place-1.amazonaws.com", endpoint.of_region(sqs, "new-place-1"))
    local err <const> = failure(endpoint.of_region, sqs, "us-isob-east-1", { dual_stack = true })
    assert.equal("config.invalid", err.kind)
    assert.matches("there are no dual-stack addresses in aws-iso-b", tostring(err), 1, true)
    for region, partition in pairs { ["eu-west-2"] = "aws", ["cn-north-1"] = "aws-cn", ["us-gov-east-1"] = "aws-us-gov",
      ["us-iso-west-1"] = "aws-iso", ["il-central-1"] = "aws" } do
      assert.equal(partition, endpoint.partition(region).id)
    end
  end)

  local CONFIG <const> = table.concat({
    "[profile p]", "services = local", "endpoint_url = https://profile",
    "[profile q]", "endpoint_url = https://profile/",
    "[profile i]", "endpoint_url = https://profile", "ignore_configured_endpoint_urls = true",
    "[profile f]", "use_fips_endpoint = true", "use_dualstack_endpoint = true",
    "[profile b]", "services = gone",
    "[services local]", "ecs =", "  endpoint_url = https://section/base/", "elastic_load_balancing_v2 =",
    "  endpoint_url = https://balancers", "dynamodb =", "  other = x",
  }, "\n")

  local function of(service, profile, variables, options)
    return home.with({ config = CONFIG, variables = variables }, function()
      return aws.session({ profile = profile }):client(service, options).endpoint
    end)
  end

  it("are the most particular ones that were configured", function()
    local all <const> = { AWS_ENDPOINT_URL_ECS = "https://own", AWS_ENDPOINT_URL = "https://all" }
    assert.equal("https://given", of("ecs", "p", all, { endpoint = "https://given/" }))
    assert.equal("https://own", of("ecs", "p", all))
    assert.equal("https://all", of("sqs", "p", all))
    assert.equal("https://section/base", of("ecs", "p"))
    assert.equal("https://balancers", of("elbv2", "p"))
    assert.equal("https://profile", of("dynamodb", "p"))
    assert.equal("https://profile", of("ecs", "q"))
    assert.equal("https://ecs.eu-west-2.amazonaws.com", of("ecs", "i"))
    assert.equal("https://ecs.eu-west-2.amazonaws.com", of("ecs", "p", { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = "true",
      AWS_ENDPOINT_URL = "https://all" }))
    assert.equal("https://given", of("ecs", "i", nil, { endpoint = "https://given" }))
    assert.equal("https://profile", of("ecs", "i", { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = "False" }))
  end)

  it("are of the kind that is asked for", function()
    assert.equal("https://ecs-fips.eu-west-2.api.aws", of("ecs", "f"))
    assert.equal("https://ecs.eu-west-2.api.aws", of("ecs", "f", { AWS_USE_FIPS_ENDPOINT = "false" }))
    assert.equal("https://ecs-fips.eu-west-2.amazonaws.com", of("ecs", nil, { AWS_USE_FIPS_ENDPOINT = "TRUE" }))
    for _, region in ipairs { "fips-us-east-1", "us-east-1-fips" } do
      assert.equal("https://ecs-fips.us-east-1.amazonaws.com", of("ecs", nil, { AWS_REGION = region }))
    end
  end)

  it("that contradict one another, or are none, are errors of configuration", function()
    local cases <const> = {
      { "ecs", "f", { AWS_ENDPOINT_URL = "https://all" }, "an address is configured, and FIPS is asked for as well" },
      { "ecs", "q", { AWS_USE_DUALSTACK_ENDPOINT = "true" }, "endpoint_url: an address is configured, and dual-stack" },
      { "ecs", nil, { AWS_USE_FIPS_ENDPOINT = "yes" }, "AWS_USE_FIPS_ENDPOINT: 'yes' is neither true nor false" },
      { "ecs", "b", {}, "names the section [services gone], which is not there" },
      { "ecs", nil, { AWS_ENDPOINT_URL_ECS = "ecs.example" }, "AWS_ENDPOINT_URL_ECS ecs.example: is not a base" },
      { "ecs", nil, { AWS_ENDPOINT_URL = "https://me:hush@host/" }, "AWS_ENDPOINT_URL https://…@host/: is not" },
    }
    for _, case in ipairs(cases) do
      local err <const> = failure(of, case[1], case[2], case[3])
      assert.equal("config.invalid", err.kind)
      assert.matches(case[4], tostring(err), 1, true)
    end
  end)
end)

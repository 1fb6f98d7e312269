-- AWS's shared files: what is a section, a setting, a comment; where they are wrong. Compared with botocore's reading.
local clock = require "fairlead.clock"
local home = require "spec.support.aws_home"
local json = require "fairlead.json"
local process = require "fairlead.process"
local profile = require "fairlead.aws.profile"

local failure <const> = home.failure

local function profiles(config, credentials)
  return home.with({ config = config or "", credentials = credentials or "" }, function()
    return profile.load().profiles
  end)
end

describe("aws files", function()
  it("are read as botocore reads them", function()
    local cases <const> = {
      { config = "" },
      { config = "[default]" },
      { config = "[profile a]\nregion=eu-west-2\noutput  =  json  \n" },
      { config = "[profile\ta]\r\nregion = x\r\n" },
      { config = "[default]\nregion = a\n[profile a]\nx = a=b=c\n[profile a.b/c-d_e@f+g:h]\ny = 1\n" },
      { config = "[profile 'two words']\nx = 1\n[profile \"and three more\"]\ny = 2\n" },
      { config = "[profile two words]\nx = 1\n" },
      { config = "[default]\nx = value;no comment\ny = value#nor this\n" },
      { config = "# one\n; two\n[default]\n# three\n   # indented\nx = 1\n; four\ny = 2\n" },
      { config = "[default]\nREGION = a\n" },
      { config = "[default]\ns3 =\n  max_concurrent_requests = x\n  addressing_style = path\nregion = b\n" },
      { config = "[default]\nx =\n" },
      { config = "[default]\n  region = a\n  output = json\n" },
      { config = "[default]\nx = é → ü\n" },
      { config = "\n\n[default]\n\nx = 1\n\ny = 2\n\n" },
      { config = "[plain]\nx = 1\n[profile p]\ny = 2\n[profilep]\nz = 3\n[preview]\nw = 1\n" },
      { config = "[profile p]\nregion = config\nrole_arn = r\n", credentials = "[p]\nregion = credentials\n" },
      { credentials = "[a]\naws_access_key_id = A\naws_secret_access_key = b/c+d==\n[profile b]\nx = 1\n" },
    }
    local done <const> = process.run { "/usr/bin/python3", "spec/support/botocore_config.py", "files",
      stdin = json.encode(cases), timeout = 60 }
    assert.equal(0, done.code, done.stderr)
    for i, theirs in ipairs(json.decode(done.stdout)) do
      local case <const> = cases[i]
      assert.same(theirs, profiles(case.config, case.credentials), case.config or case.credentials)
    end
  end)

  it("hold settings of settings, and texts of several lines", function()
    local all <const> = profiles(table.concat({
      "[profile a]", "services =", "  Dynamo = http://x # the local one", "", "  # a comment", "  other=2",
      "text = one", "\t two # not a comment here", "   three", "region = eu-west-2 ; a comment", "empty = ; a comment",
    }, "\n"))
    assert.same({ a = { services = { dynamo = "http://x", other = "2" }, text = "one\ntwo # not a comment here\nthree",
      region = "eu-west-2", empty = "" } }, all)
  end)

  it("have the last word on a setting that comes twice, and [profile default] the first on [default]", function()
    assert.same({ p = { a = "3", b = "2" } }, profiles "[profile p]\na = 1\n[profile p]\nb = 2\na = 2\nA = 3\n")
    for _, config in ipairs { "[default]\na = 1\nb = 1\n[profile default]\na = 2\n",
      "[profile default]\na = 2\n[default]\na = 1\nb = 1\n" } do
      assert.same({ default = { a = "2" } }, profiles(config))
    end
  end)

  it("keep sections of other kinds apart", function()
    home.with({ config = "[sso-session corp]\nsso_region = x\n[services \"my own\"]\ns3 =\n  endpoint_url = u\n"
      .. "[profile corp]\na = 1\n", credentials = "[sso-session x]\na = 1\n" }, function(folder)
      local files <const> = profile.load()
      assert.same({ corp = { sso_region = "x" } }, files.sso_sessions)
      assert.same({ ["my own"] = { s3 = { endpoint_url = "u" } } }, files.services)
      assert.same({ corp = { a = "1" } }, files.config)
      assert.equal(folder .. "/.aws/config", files.config_path)
    end)
  end)

  it("say in which file and line they are wrong", function()
    local cases <const> = {
      { "[a\n", 1, "this section has no ]" },
      { "[a]\n\nnonsense\n", 3, "neither a setting nor a section" },
      { "[a]\nkey : value\n", 2, "neither a setting nor a section" },
      { "x = 1\n", 1, "a setting before the first section" },
      { "\n  -continued\n", 2, "neither a setting nor a section" },
      { "[a]\n = 1\n", 2, "neither a setting nor a section" },
      { "[a]\ns3 =\n  nonsense\n", 3, "this indented line is no setting" },
      { "[a]\ns3 =\n  x = 1\n  = 2\n", 4, "this indented line is no setting" },
      { "[a]\nx = 1\n[b]\n  -continued\n", 4, "neither a setting nor a section" },
      { "[a]\nx = \0\n", 2, "this line holds a NUL" },
    }
    for _, case in ipairs(cases) do
      for _, text in ipairs { case[1], (case[1]:gsub("\n", "\r\n")) } do
        local err <const> = failure(profile.parse, text, "/home/adev/.aws/config")
        assert.equal("config.invalid", err.kind)
        assert.equal(("/home/adev/.aws/config:%d"):format(case[2]), err.target)
        assert.matches(case[3], err.message, 1, true)
      end
    end
  end)

  it("of any content are read in a moment", function()
    local began <const> = clock.monotonic()
    local size <const> = 1 << 17 -- bytes; what takes their square would take minutes
    for _, unit in ipairs { " ", "[", "]", "=", "a = ", "\n", " \n", "#", "; ", "[a]\n", "a=b\n", " b\n", "\t",
      "\r" } do
      local text <const> = unit:rep(size // #unit)
      try(profile.parse, text, "c")
      try(profile.parse, "[a]\nx = 1\n " .. text, "c")
      try(profile.parse, "[a]\nx =" .. text .. "y", "c")
      try(profile.parse, "[" .. text .. "a", "c")
    end
    assert.is_true(clock.monotonic() - began < 10)
  end)

  it("may begin with the mark that some editors write", function()
    assert.same({ a = { x = "1" } }, profile.parse("\239\187\191[a]\nx = 1\n", "c"))
  end)
end)

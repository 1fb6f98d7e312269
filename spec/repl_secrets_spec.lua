local environment = require "fairlead.environment"
local secrets = require "fairlead.repl.secrets"

-- Made up, and put together here, so that nobody who looks for leaked tokens finds this file.
local GITHUB <const> = "gh" .. "p_" .. ("Ab1"):rep(12)
local FINE <const> = "github" .. "_pat_" .. ("Ab1_"):rep(10)
local SLACK <const> = "xo" .. "xb-123456789012-123456789012-" .. ("aB3"):rep(8)
local KEY_ID <const>, KEY = "AKIA" .. "IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/" .. "bPxRfiCYEXAMPLEKEY"
local JWT <const> = "ey" .. "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0." .. "dozjgNryP4J3jVmNHl0w5N"

-- What is not to be kept, and what must not be left of it.
local KEPT_OUT <const> = {
  { 'gh = github.client{token="' .. GITHUB .. '"}', GITHUB },
  { "x = '" .. FINE .. "'", FINE },
  { "http.get('https://slack.com/api/auth.test', {headers={Authorization='Bearer " .. SLACK .. "'}})", SLACK },
  { ("aws.session{credentials={access_key_id=%q, secret_access_key=%q}}"):format(KEY_ID, KEY), KEY },
  { "a, b = '" .. KEY_ID .. "', '" .. KEY .. "'", KEY },
  { "jwt = [[" .. JWT .. "]]", JWT },
  { "key = [[-----BEGIN RSA " .. "PRIVATE KEY-----\nMIIEow\n-----END RSA " .. "PRIVATE KEY-----]]", "MIIEow" },
  { "key = [[-----BEGIN OPENSSH " .. "PRIVATE KEY-----\nb3Blbn", "b3Blbn" },
  { 't = secret("hunter2")', "hunter2" },
  { "t = secret 'hunter2'", "hunter2" },
  { "t = secret[==[hunter2]==]", "hunter2" },
  { [[t = secret("hun" .. 'ter2')]], "ter2" },
  { [[t = secret "a\"hunter2"]], "hunter2" },
  { "t = secret 'hunter2", "hunter2" },
  { 'login{user="a", password = "hunter2"}', "hunter2" },
  { 'login{["api-key"]="hunter2"}', "hunter2" },
  { [[http.post(u, {body='{"client_secret": "hunter2"}'})]], "hunter2" },
  { 'http.get(u, {headers={["X-Api-Key"]="hunter2"}})', "hunter2" },
  { "http.post(u, {body='grant_type=x&client_secret=hunter2&y=1'})", "hunter2" },
  { "http.get 'https://example.org/?token=hunter2'", "hunter2" },
  { ":start scripts/x.lua token=hunter2", "hunter2" },
  { 'GH_TOKEN=hunter22 fairlead run', "hunter22" },
  { "text = 'Authorization: Basic aHVudGVyMg=='", "aHVudGVyMg==" },
  { 'process.run{"mysql", "--password", "hunter2"}', "hunter2" },
  { 'process.run{"curl", "-u", "me:hunter2", "https://example.org"}', "hunter2" },
  { 'process.run{"sh", "-c", "curl -u me:hunter2 https://example.org"}', "hunter2" },
  { 'process.run{"sh", "-c", "curl -s --user=\'my-self:hunter2\' https://example.org"}', "hunter2" },
  { 'process.run{"sh", "-c", "mysql --password=hunter2"}', "hunter2" },
  { [[http.put(u, {body='{"SecretString": "{\\"password\\": \\"hunter2\\"}"}'})]], "hunter2" },
  { "git.clone{url='https://me:hunter2@example.org/a.git', path='a'}", "hunter2" },
  { 'ssm:PutParameter { Name = "/a", Value = "hunter2", Type = "SecureString" }', "hunter2" },
  { '{"Parameter": {"Type": "SecureString", "Value": "hunter2"}}', "hunter2" },
  { '{"KeyId": "k", "Plaintext": "aHVudGVyMg=="}', "aHVudGVyMg==" },
  { "<Credentials><SecretAccessKey>hunter2</SecretAccessKey></Credentials>", "hunter2" },
}

-- What people type all day.
local KEPT <const> = {
  'http.get "https://example.org"', 'gh:pull_request{number=12}', "token_count = 12", "secret(os.getenv 'MY_TOKEN')",
  "local token = gh.token", "token=t", 'head = "0123456789abcdef0123456789abcdef01234567"',
  'c:ListTasks{nextToken="hunter2hunter2hunter2"}', "?http.get", ":http 3", "password = ''",
  'http.get(u, {headers={Authorization="Bearer " .. t}})', "print('the token is gone')", "x = 'ghp_'",
  "if password == stored then return end", "repo:log{limit=3}", "task:cancel()", "secret", "secrets = {}",
  'ssm:PutParameter { Name = "/a", Value = "on", Type = "String" }',
  "process.run{'sh', '-c', 'docker run -u 1000:1000 x'}", "git push -u origin main:next",
  "curl -H \"Authorization: Bearer $GH_TOKEN\"",
}

describe("a line's secrets", function()
  for i, case in ipairs(KEPT_OUT) do
    it("are found: " .. i .. ", " .. case[1]:gsub("%s+", " "):sub(1, 24), function()
      assert.is_false(secrets.keep(case[1]))
      local shown = secrets.redact(case[1])
      assert.is_nil(shown:find(case[2], 1, true), shown)
      assert.matches("[secret]", shown, 1, true)
    end)
  end

  for _, line in ipairs(KEPT) do
    it("are none in " .. line, function()
      assert.is_true(secrets.keep(line), secrets.redact(line))
      assert.equal(line, secrets.redact(line))
    end)
  end

  it("are those that this program holds, whatever they look like", function()
    local held = secret "just a few plain words"
    local header = secret("Bearer " .. "perfectly-ordinary")
    assert.is_false(secrets.keep "say 'just a few plain words'")
    assert.equal("a [secret] b", secrets.redact "a just a few plain words b")
    assert.equal("a [secret] b", secrets.redact "a perfectly-ordinary b")
    assert.equal("[secret]", secrets.redact "Bearer perfectly-ordinary")
    assert.is_true(secrets.keep "say 'just a few'")
    assert.is_truthy(held ~= header) -- they live until here
  end)

  it("are forgotten with the values that held them", function()
    secret "gone with the wind"
    collectgarbage()
    collectgarbage()
    assert.is_true(secrets.keep "say 'gone with the wind'")
  end)

  it("are what tools keep in the environment", function()
    environment.with({ GH_TOKEN = "an odd one", SLACK_BOT_TOKEN = "x" }, function()
      assert.is_false(secrets.keep "say 'an odd one'")
      assert.equal("say '[secret]' x", secrets.redact "say 'an odd one' x")
    end)
    assert.is_true(secrets.keep "say 'an odd one'")
  end)

  it("are found once where several reasons speak for it", function()
    assert.equal('t = secret("[secret]") .. secret("[secret]")',
      secrets.redact(('t = secret("%s") .. secret("%s")'):format(GITHUB, GITHUB)))
  end)

  it("do not hold up a paste of a megabyte, nor a hostile text", function()
    local started = os.clock()
    assert.is_true(secrets.keep(("local x = f(1, 'two', { three = 4 }) -- and so on\n"):rep(20000)))
    for _, piece in ipairs { "x", "eyJ-", "token: ", "password>", "a://b", "secret ", "'-u' , '", "gh" .. "p_", "xoxb-",
      "-----BEGIN ", "?token=", 'secret("' } do
      secrets.redact((piece):rep(65536 // #piece))
    end
    assert.is_true(os.clock() - started < 5)
  end)
end)

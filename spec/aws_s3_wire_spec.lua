-- S3's requests and answers, compared with botocore's model, client and parser (Debian's python3-botocore).
local aws = require "fairlead.aws"
local environment = require "fairlead.environment"
local fake = require "spec.support.fake_service"
local http = require "fairlead.http"
local json = require "fairlead.json"
local operations = require "fairlead.aws.s3.operations"
local process = require "fairlead.process"
local sigv4 = require "fairlead.sigv4"

local CREDENTIALS <const> = { access_key_id = "AKIDEXAMPLE",
  secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

local function botocore(mode, input)
  local done <const> = process.run { "/usr/bin/python3", "spec/support/botocore_s3.py", mode,
    stdin = json.encode(input), timeout = 120, env = { AWS_EC2_METADATA_DISABLED = "true" } }
  assert.equal(0, done.code, done.stderr)
  return json.decode(done.stdout, { nulls = false })
end

local function with_client(answer, body, options)
  return environment.with({ ["AWS_*"] = false }, fake.run, answer, function()
    return body(aws.session({ region = "eu-west-2", credentials = CREDENTIALS }):client("s3", options))
  end)
end

describe("s3 operations", function()
  it("have their members where botocore's model has them", function()
    local names, compared = {}, 0
    for name in pairs(operations.list) do
      names[#names + 1] = name
    end
    table.sort(names)
    local places <const> = { uri = "path", querystring = "query", header = "header", headers = "metadata",
      body = "body" }
    local kinds <const> = { string = "string", integer = "integer", long = "integer", boolean = "boolean",
      rfc822 = "date", iso8601 = "time", list = "list" }
    for i, model in ipairs(botocore("model", names)) do
      local name <const>, own <const> = names[i], operations.list[names[i]]
      assert.equal(model.method, own.method, name)
      for member, theirs in pairs(model.takes) do
        local where <const> = name .. "." .. member
        assert.equal(places[theirs.location], own.places[member], where)
        if theirs.location == "header" or theirs.location == "querystring" then
          local field <const> = (theirs.location == "header" and operations.headers or operations.query)[member]
          assert.equal(theirs.name:lower(), (own.headers and own.headers[member] or field.name):lower(), where)
          assert.equal(kinds[theirs.kind], field.kind, where)
        end
        compared = compared + 1
      end
      local required = {}
      for _, member in ipairs(own.required) do
        required[member] = true
      end
      for _, member in ipairs(model.required) do
        assert.is_true(required[member], name .. "." .. member)
      end
      for member, theirs in pairs(model.gives) do
        local where <const> = name .. " gives " .. member
        if theirs.location == "header" then
          assert.is_true(own.gives[member], where)
          assert.equal(theirs.name:lower(), operations.headers[member].name:lower(), where)
          assert.equal(kinds[theirs.kind], operations.headers[member].kind, where)
        elseif theirs.location == "body" and member ~= "Body" then
          assert.is_true(own.within == member or (own.output and own.output[member]) ~= nil, where)
        end
        compared = compared + 1
      end
    end
    assert.equal(13, #names)
    assert.is_true(compared > 300)
  end)
end)

local ODD <const> = "a b+c/é%20//x"
local CALLS <const> = {
  { "GetObject", { Bucket = "site", Key = ODD, Range = "bytes=0-9", IfMatch = '"e"', VersionId = "v/1 +",
    IfModifiedSince = 1772442000, ResponseContentType = "text/plain; charset=utf-8", ResponseExpires = 1772442000 } },
  { "GetObject", { Bucket = "my.site", Key = "../a/./b" } },
  { "GetObject", { Bucket = "site", Key = "/lead//" }, endpoint = "http://127.0.0.1:9" },
  { "GetObject", { Bucket = "site", Key = "k" }, style = "path" },
  { "HeadObject", { Bucket = "site", Key = "~-._!*'();:@&=$,?#[]", PartNumber = 2 } },
  { "PutObject", { Bucket = "site", Key = "日本", Body = "hé", ContentType = "text/plain",
    CacheControl = "max-age=60", Expires = 1772442000, Metadata = { a = "b  c", ["x-y"] = "1" },
    ServerSideEncryption = "aws:kms", BucketKeyEnabled = true, Tagging = "a=b&c=d",
    ObjectLockRetainUntilDate = 1772442000 } },
  { "PutObject", { Bucket = "site", Key = "k", Body = "", SSECustomerAlgorithm = "AES256",
    SSECustomerKey = ("k"):rep(32) } },
  { "DeleteObject", { Bucket = "site", Key = "k", VersionId = "v", BypassGovernanceRetention = true } },
  { "DeleteObjects", { Bucket = "site", Delete = { Objects = { { Key = "a&<b>\"'", VersionId = "v" }, { Key = "é" } },
    Quiet = true } } },
  { "ListObjectsV2", { Bucket = "site", Prefix = "a b/+", Delimiter = "/", MaxKeys = 10, StartAfter = "é",
    ContinuationToken = "1/+=", FetchOwner = false } },
  { "ListBuckets", {} },
  { "HeadBucket", { Bucket = "site", ExpectedBucketOwner = "111111111111" } },
  { "CopyObject", { Bucket = "site", Key = "to", CopySource = "other/a b+c/é", MetadataDirective = "REPLACE" } },
  { "CopyObject", { Bucket = "site", Key = "to", CopySource = { Bucket = "other", Key = "a?b", VersionId = "v" } } },
  { "CreateMultipartUpload", { Bucket = "site", Key = ODD, ContentType = "x/y", ChecksumAlgorithm = "SHA256" } },
  { "UploadPart", { Bucket = "site", Key = "k", PartNumber = 3, UploadId = "u+/=", Body = "part" } },
  { "CompleteMultipartUpload", { Bucket = "site", Key = "k", UploadId = "u", MultipartUpload = { Parts = {
    { ETag = '"a"', PartNumber = 1, ChecksumSHA256 = "x=" }, { ETag = '"b"', PartNumber = 2 } } } } },
  { "AbortMultipartUpload", { Bucket = "site", Key = "k", UploadId = "u" } },
}

local function in_order(query)
  local fields = {}
  for field in (query or ""):gmatch "[^&]+" do
    fields[#fields + 1] = (field:gsub("=$", ""))
  end
  table.sort(fields)
  return table.concat(fields, "&")
end

-- botocore's members of structures come in another order; ours are sorted.
local function elements(text)
  local list = {}
  for one in (text or ""):gsub("&quot;", '"'):gmatch "<[^>]+>[^<]*" do
    list[#list + 1] = one
  end
  table.sort(list)
  return list
end

local NOT_COMPARED <const> = { ["user-agent"] = true, expect = true, ["amz-sdk-invocation-id"] = true,
  ["amz-sdk-request"] = true, ["content-length"] = true, authorization = true, ["x-amz-content-sha256"] = true,
  ["content-md5"] = true } -- of bodies; they are compared as such

describe("s3 requests", function()
  it("are botocore's, and signed as botocore signs them", function()
    local asked = {}
    for i, call in ipairs(CALLS) do
      asked[i] = { operation = call[1], parameters = call[2], endpoint = call.endpoint, style = call.style }
    end
    local expected <const> = botocore("send", asked)
    for i, call in ipairs(CALLS) do
      local seen <const> = with_client(function()
        return 200, call[1]:find "^[GHP]" and "" or ("<%sResult/>"):format(call[1])
      end, function(s3) s3:call(call[1], call[2]) end, { endpoint = call.endpoint, addressing_style = call.style })
      local ours <const>, theirs <const> = seen[1], expected[i]
      local name <const> = ("%s (%d)"):format(call[1], i)
      local path <const>, query = theirs.url:match "^([^?]*)%??(.*)$"
      assert.equal(theirs.method, ours.method, name)
      assert.equal(path, ours.url:match "^[^?]*", name)
      assert.equal(in_order(query), in_order(ours.url:match "%?(.*)$"), name)
      for header, value in pairs(theirs.headers) do
        if not NOT_COMPARED[header:lower()] then
          value = value == "True" and "true" or value -- Python's way with booleans, in that release
          assert.equal(value, ours.headers[header:lower()], name .. " " .. header)
        end
      end
      if operations.list[call[1]].element then
        assert.same(elements(theirs.body), elements(ours.text), name)
      else
        assert.equal(theirs.body or "", ours.text or "", name)
      end
      -- What botocore has signed, signed here.
      local signed = {}
      for header, value in pairs(theirs.headers) do
        local is_own <const> = header:lower() == "x-amz-date" or header:lower() == "x-amz-content-sha256"
          or header:lower() == "host"
        if theirs.headers.Authorization:find("[=;]" .. header:lower():gsub("%-", "%%-") .. "[;,]") and not is_own then
          signed[header] = value
        end
      end
      local again <const> = sigv4.sign { method = theirs.method, url = theirs.url, headers = signed,
        body = theirs.body or "", service = "s3", region = "eu-west-2", credentials = CREDENTIALS, time = fake.START,
        normalize_path = false, double_encode = false, sign_payload_header = true }
      assert.equal(theirs.headers.Authorization, http.reveal(again.headers.Authorization), name)
    end
  end)

  it("have no other headers than they need", function()
    local seen <const> = with_client(function() return 200 end, function(s3)
      s3:PutObject { Bucket = "site", Key = "k", Body = "b" }
    end)
    local names = {}
    for header in pairs(seen[1].headers) do
      names[#names + 1] = header
    end
    table.sort(names)
    assert.same({ "accept-encoding", "authorization", "host", "user-agent", "x-amz-content-sha256", "x-amz-date" },
      names)
    assert.is_nil(seen[1].headers.authorization:find "accept%-encoding")
  end)
end)

describe("s3 over AWS's own addresses", function()
  it("goes to the region that a bucket is in, by its name there", function()
    local seen <const> = with_client(function(request)
      if request.url:find "eu%-west%-2" then
        return 400, "<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-east-1</Region></Error>"
      end
      return 200
    end, function(s3)
      s3:GetObject { Bucket = "site", Key = "k" }
      s3:GetObject { Bucket = "site", Key = "k" }
      assert.matches("^https://site%.s3%.us%-east%-1%.amazonaws%.com/k%?.*%%2Fus%-east%-1%%2Fs3%%2F", (s3:presign(
        "GetObject", { Bucket = "site", Key = "k" })))
    end)
    assert.equal(3, #seen)
    assert.equal("https://site.s3.us-east-1.amazonaws.com/k", seen[3].url)
    assert.matches("/us%-east%-1/s3/aws4_request", seen[3].headers.authorization)
  end)

  it("is not sent from one region to another for ever", function()
    local number = 0
    local seen <const>, _, err = with_client(function()
      number = number + 1
      return 301, "", { ["x-amz-bucket-region"] = "xx-test-" .. number }
    end, function(s3) return try(s3.HeadBucket, s3, { Bucket = "site" }) end)
    assert.equal(2, #seen)
    assert.same({ 301, "aws.api" }, { err.status, err.kind })
  end)

  it("sends a file's bytes once over TLS: their hash is not made before", function()
    local path <const> = os.tmpname()
    local seen <const> = with_client(function() return 200 end, function(s3)
      s3:upload(path, { Bucket = "site", Key = "k" })
      s3:PutObject { Bucket = "site", Key = "k", Body = "" }
    end)
    os.remove(path)
    assert.equal("UNSIGNED-PAYLOAD", seen[1].headers["x-amz-content-sha256"])
    assert.matches("^e3b0c442", seen[2].headers["x-amz-content-sha256"])
  end)
end)

describe("s3 presigned URLs", function()
  local PRESIGNED <const> = {
    { "GetObject", { Bucket = "site", Key = ODD, ResponseContentDisposition = 'attachment; filename="a b"' } },
    { "PutObject", { Bucket = "site", Key = "k", ContentType = "text/plain", Metadata = { a = "b" } } },
    { "UploadPart", { Bucket = "my.site", Key = "k", PartNumber = 1, UploadId = "u+/" } },
  }

  it("are botocore's", function()
    local asked = {}
    for i, call in ipairs(PRESIGNED) do
      asked[i] = { operation = call[1], parameters = call[2], presign = 60,
        endpoint = "https://s3.eu-west-2.amazonaws.com", style = call[2].Bucket:find "%." and "path" or "virtual" }
    end
    local expected <const> = botocore("send", asked)
    with_client(nil, function(s3)
      for i, call in ipairs(PRESIGNED) do
        local url <const>, headers = s3:presign(call[1], call[2], { expires = 60 })
        assert.equal(expected[i]:match "^[^?]*", url:match "^[^?]*")
        assert.equal(in_order(expected[i]:match "%?(.*)$"), in_order(url:match "%?(.*)$"))
        assert.equal(i == 2 and "b" or nil, headers["x-amz-meta-a"])
      end
      assert.matches("X%-Amz%-Expires=900", (s3:presign("HeadObject", { Bucket = "site", Key = "k" })))
      assert.matches("up to 604800 expected", select(2, pcall(s3.presign, s3, "GetObject", { Bucket = "site",
        Key = "k" }, { expires = 604801 })))
    end)
  end)
end)

local ANSWERS <const> = {
  { "ListObjectsV2", [[<ListBucketResult><Name>site</Name><Prefix/><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys>
    <IsTruncated>false</IsTruncated><Contents><Key>a&amp;b</Key><LastModified>2026-03-02T09:00:00.000Z</LastModified>
    <ETag>&quot;e&quot;</ETag><Size>434234</Size>
    <StorageClass>STANDARD</StorageClass>
    <ChecksumAlgorithm>SHA256</ChecksumAlgorithm><Owner><ID>o</ID><DisplayName>d</DisplayName></Owner></Contents>
    <Contents><Key>b</Key><ChecksumAlgorithm>CRC32</ChecksumAlgorithm>
    <ChecksumAlgorithm>SHA1</ChecksumAlgorithm></Contents>
    <CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes></ListBucketResult>]] },
  { "ListBuckets", [[<ListAllMyBucketsResult><Owner><ID>o</ID></Owner><Buckets><Bucket><Name>a</Name>
    <CreationDate>2019-12-11T23:32:47+00:00</CreationDate></Bucket><Bucket><Name>b</Name></Bucket></Buckets>
    </ListAllMyBucketsResult>]] },
  { "DeleteObjects", [[<DeleteResult><Deleted><Key>a</Key><DeleteMarker>true</DeleteMarker></Deleted><Error><Key>b</Key>
    <Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>]] },
  { "CopyObject", [[<CopyObjectResult><ETag>"e"</ETag><LastModified>2026-03-02T09:00:00.000Z</LastModified>
    </CopyObjectResult>]], { ["x-amz-version-id"] = "v" } },
  { "CreateMultipartUpload", [[<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId>
    </InitiateMultipartUploadResult>]], { ["x-amz-abort-date"] = "Mon, 02 Mar 2026 09:00:00 GMT" } },
  { "CompleteMultipartUpload", "\n\n" .. [[<CompleteMultipartUploadResult><Location>http://x</Location>
    <ETag>"e-2"</ETag></CompleteMultipartUploadResult>]] },
  { "HeadObject", "", { ["content-length"] = "12", etag = '"e"', ["last-modified"] = "Mon, 02 Mar 2026 09:00:00 GMT",
    ["x-amz-meta-build"] = "ab12", ["x-amz-server-side-encryption-bucket-key-enabled"] = "true",
    ["x-amz-mp-parts-count"] = "3", ["x-amz-object-lock-retain-until-date"] = "2026-03-02T09:00:00Z" } },
  { "PutObject", "", { etag = '"e"', ["x-amz-version-id"] = "v" } },
}
local PARAMETERS <const> = {
  ListBuckets = {}, DeleteObjects = { Bucket = "site", Delete = { Objects = { { Key = "a" } } } },
  CopyObject = { Bucket = "site", Key = "k", CopySource = "a/b" }, ListObjectsV2 = { Bucket = "site" },
  CompleteMultipartUpload = { Bucket = "site", Key = "k", UploadId = "u" },
}

describe("s3 answers", function()
  it("are read as botocore reads them", function()
    local asked = {}
    for i, item in ipairs(ANSWERS) do
      asked[i] = { operation = item[1], status = 200, body = (item[2]:gsub(">%s+<", "><"):gsub("%s+</", "</")),
        headers = item[3] or {} }
    end
    local expected <const> = botocore("parse", asked)
    for i, item in ipairs(asked) do
      local _, output = with_client(function() return 200, item.body, ANSWERS[i][3] end, function(s3)
        return s3:call(item.operation, PARAMETERS[item.operation] or { Bucket = "site", Key = "k" })
      end)
      assert.same(expected[i], output, item.operation)
    end
  end)
end)

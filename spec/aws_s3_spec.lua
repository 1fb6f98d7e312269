-- S3's client over real sockets, against a small S3 that checks signatures.
local aws = require "fairlead.aws"
local environment = require "fairlead.environment"
local s3_server = require "spec.support.s3_server"

local function open(store, options)
  options = options or {}
  return aws.session({ region = options.region or "eu-west-2", credentials = s3_server.CREDENTIALS })
    :client("s3", { endpoint = store.url, timeout = options.timeout })
end

--- Calls `body(client, store)`.
local function with_store(body, options)
  options = options or {}
  return environment.with({ ["AWS_*"] = false }, function()
    local store <close> = s3_server.start { buckets = { site = {}, other = {} }, regions = options.regions }
    return body(open(store, options), store)
  end)
end

local function refusal(fn, ...)
  local _, err = try(fn, ...)
  assert.is_not_nil(err)
  return err
end

local function temporary(content)
  local path <const> = os.tmpname()
  local file <close> = assert(io.open(path, "wb"))
  file:write(content)
  return path
end

local function content_of(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local KEYS <const> = { "plain", "a b+c/é%20//x", "//lead", "../up/./x", "q?=&#[]", "tab\there",
  "~-._!*'()", "100%", "日本/☃" }

describe("s3", function()
  it("writes, reads and deletes objects by any key", function()
    with_store(function(s3, store)
      for i, key in ipairs(KEYS) do
        local put <const> = s3:PutObject { Bucket = "site", Key = key, Body = "body " .. i, ContentType = "text/x",
          Metadata = { build = "ab12" } }
        assert.equal("body " .. i, store.buckets.site[key].body)
        local got <const> = s3:GetObject { Bucket = "site", Key = key }
        assert.equal("body " .. i, got.Body)
        assert.equal(put.ETag, got.ETag)
        assert.same({ build = "ab12" }, got.Metadata)
        assert.same({ "text/x", 6, 1772442000 }, { got.ContentType, got.ContentLength, got.LastModified })
        s3:DeleteObject { Bucket = "site", Key = key }
        assert.is_nil(store.buckets.site[key])
      end
      for _, request in ipairs(store.requests) do
        assert.is_true(#request.headers["x-amz-content-sha256"] == 64)
      end
    end)
  end)

  it("takes secrets, sends their text and does not show it", function()
    with_store(function(s3, store)
      s3:PutObject { Bucket = "site", Key = "k", Body = secret "hunter2" }
      assert.equal("hunter2", store.buckets.site.k.body)
      assert.is_nil(store.buckets.site.k.headers["content-type"])
    end)
  end)

  it("gives an object as it is stored, also a compressed one", function()
    with_store(function(s3, store)
      store.buckets.site.z = store.object("no gzip at all", { ["content-encoding"] = "gzip" })
      local got <const> = s3:GetObject { Bucket = "site", Key = "z", Range = "bytes=3-6" }
      assert.same({ "gzip", "gzip", "bytes 3-6/14" }, { got.Body, got.ContentEncoding, got.ContentRange })
    end)
  end)

  it("tells of conditions that do not hold", function()
    with_store(function(s3)
      local first <const> = s3:PutObject { Bucket = "site", Key = "lock", Body = "mine", IfNoneMatch = "*" }
      local err = refusal(s3.PutObject, s3, { Bucket = "site", Key = "lock", Body = "yours", IfNoneMatch = "*" })
      assert.same({ "aws.api", 412, "PreconditionFailed", "4442587FB7D0A2F9" },
        { err.kind, err.status, err.code, err.request_id })
      assert.matches("s3.PutObject eu%-west%-2: PreconditionFailed: The words", tostring(err))
      s3:PutObject { Bucket = "site", Key = "lock", Body = "mine 2", IfMatch = first.ETag }
      err = refusal(s3.DeleteObject, s3, { Bucket = "site", Key = "lock", IfMatch = first.ETag })
      assert.equal(412, err.status)
      assert.equal("mine 2", s3:GetObject { Bucket = "site", Key = "lock" }.Body)
      local now <const> = s3:HeadObject { Bucket = "site", Key = "lock" }.ETag
      assert.equal(304, refusal(s3.GetObject, s3, { Bucket = "site", Key = "lock", IfNoneMatch = now }).status)
    end)
  end)

  it("names a refusal that has no body", function()
    with_store(function(s3)
      local err <const> = refusal(s3.HeadObject, s3, { Bucket = "site", Key = "none" })
      assert.same({ "aws.api.not_found", 404, "NotFound" }, { err.kind, err.status, err.code })
      assert.equal("NoSuchKey", refusal(s3.GetObject, s3, { Bucket = "site", Key = "none" }).code)
      assert.equal("NoSuchBucket", refusal(s3.ListObjectsV2, s3, { Bucket = "none" }).code)
    end)
  end)

  it("tries again, and says when an own attempt may have been the one", function()
    with_store(function(s3, store)
      store.faults = { "503", "reset" }
      s3:PutObject { Bucket = "site", Key = "k", Body = "b" }
      assert.equal(3, #store.requests)
      store.faults = { "lost" }
      local err <const> = refusal(s3.PutObject, s3, { Bucket = "site", Key = "lock", Body = "b", IfNoneMatch = "*" })
      assert.equal("PreconditionFailed", err.code)
      assert.matches("whose answer was lost", err.hint)
      assert.equal("b", store.buckets.site.lock.body)
    end)
  end)

  it("sees a failure inside a success", function()
    with_store(function(s3, store)
      store.buckets.other.from = store.object "copied"
      store.faults = { "500 inside" }
      local output <const> = s3:CopyObject { Bucket = "site", Key = "to", CopySource = "other/from" }
      assert.equal("copied", store.buckets.site.to.body)
      assert.same({ store.buckets.site.to.etag, 1772442000 },
        { output.CopyObjectResult.ETag, output.CopyObjectResult.LastModified })
      store.faults = { "500 inside", "500 inside", "500 inside" }
      local err <const> = refusal(s3.CopyObject, s3, { Bucket = "site", Key = "to",
        CopySource = { Bucket = "other", Key = "from" } })
      assert.same({ "InternalError", true }, { err.code, err.retryable })
    end)
  end)

  it("lists objects over pages, with keys that XML cannot hold", function()
    with_store(function(s3, store)
      for _, key in ipairs { "a/1", "a/2 +%", "a/\1", "b", "c<&>" } do
        store.buckets.site[key] = store.object(key)
      end
      local found = {}
      for object in s3:paginate("ListObjectsV2", { Bucket = "site", MaxKeys = 2 }, "Contents") do
        found[#found + 1] = object.Key
        assert.same({ #object.Key, 1772442000 }, { object.Size, object.LastModified })
      end
      assert.same({ "a/\1", "a/1", "a/2 +%", "b", "c<&>" }, found)
      assert.equal(3, #store.requests)
      local top <const> = s3:ListObjectsV2 { Bucket = "site", Delimiter = "/", Prefix = "" }
      assert.same({ { Prefix = "a/" } }, { table.unpack(top.CommonPrefixes) })
      assert.same({ 2, false }, { #top.Contents, top.IsTruncated })
      assert.equal(0, #s3:ListObjectsV2({ Bucket = "other" }).Contents)
      assert.same({ "other", "site" }, { s3:ListBuckets().Buckets[1].Name, s3:ListBuckets().Buckets[2].Name })
    end)
  end)

  it("deletes several, and gives what was not", function()
    with_store(function(s3, store)
      for _, key in ipairs { "a&b", "kept", "line\nbreak" } do
        store.buckets.site[key] = store.object(key)
      end
      local output <const> = s3:DeleteObjects { Bucket = "site", Delete = { Objects = { { Key = "a&b" },
        { Key = "kept" }, { Key = "line\nbreak" } } } }
      assert.same({ "kept", "AccessDenied" }, { output.Errors[1].Key, output.Errors[1].Code })
      assert.equal(2, #output.Deleted)
      assert.is_nil(store.buckets.site["a&b"] or store.buckets.site["line\nbreak"])
    end)
  end)

  it("follows a bucket to its region, once, and remembers it", function()
    with_store(function(s3, store)
      assert.equal("us-west-2", s3:HeadBucket({ Bucket = "site" }).BucketRegion)
      s3:PutObject { Bucket = "site", Key = "k", Body = "b" }
      assert.equal(3, #store.requests)
      store.regions.site = "eu-north-1"
      s3:GetObject { Bucket = "site", Key = "k" }
      assert.equal(5, #store.requests)
    end, { regions = { site = "us-west-2" } })
  end)
end)

describe("s3 transfers", function()
  local BODY <const> = ("0123456789abcdef"):rep(1000) .. "end"

  it("give an object to a sink in parts, with progress", function()
    with_store(function(s3, store)
      store.buckets.site.big, store.buckets.site.empty = store.object(BODY), store.object ""
      local parts, told = {}, {}
      store.faults = { false, "reset" }
      local output <const> = s3:GetObject({ Bucket = "site", Key = "big" }, { part_size = 6000,
        sink = function(chunk) parts[#parts + 1] = chunk end,
        progress = function(done, total) told[#told + 1] = done .. "/" .. total end })
      assert.equal(BODY, table.concat(parts))
      assert.same({ "6000/16003", "12000/16003", "16003/16003" }, told)
      assert.same({ 16003, store.buckets.site.big.etag }, { output.ContentLength, output.ETag })
      assert.equal(4, #store.requests)
      parts = {}
      s3:GetObject({ Bucket = "site", Key = "empty" }, { sink = function(chunk) parts[#parts + 1] = chunk end })
      assert.equal("", table.concat(parts))
      s3:GetObject({ Bucket = "site", Key = "big", Range = "bytes=16000-" },
        { sink = function(chunk) parts[#parts + 1] = chunk end })
      assert.equal("end", table.concat(parts))
    end)
  end)

  it("do not put an object together from two versions", function()
    with_store(function(s3, store)
      store.buckets.site.big = store.object(BODY)
      store.after_read = function(bucket, key) bucket[key] = store.object(BODY:upper()) end
      local path <const> = os.tmpname()
      local err <const> = refusal(s3.download, s3, { Bucket = "site", Key = "big" }, path, { part_size = 6000 })
      assert.same({ "PreconditionFailed", 412 }, { err.code, err.status })
      assert.equal("", content_of(path))
      assert.is_nil(io.open(path .. ".part"))
      os.remove(path)
    end)
  end)

  it("make a file of an object, and an object of a file", function()
    with_store(function(s3, store)
      for _, size in ipairs { 0, 3, 5 * 1024 * 1024, 11 * 1024 * 1024 + 1 } do
        local content <const> = ("x\0\r\n"):rep(size // 4 + 1):sub(1, size)
        local path <const> = temporary(content)
        local told = 0
        store.faults = { "503", "reset" }
        s3:upload(path, { Bucket = "site", Key = "f", ContentType = "text/y", Metadata = { a = "b" } },
          { part_size = 5 * 1024 * 1024, progress = function(done) told = math.max(told, done) end })
        assert.is_true(content == store.buckets.site.f.body)
        assert.same({ size, "text/y", "b" }, { told, store.buckets.site.f.headers["content-type"],
          store.buckets.site.f.headers["x-amz-meta-a"] })
        s3:download({ Bucket = "site", Key = "f" }, path)
        assert.is_true(content == content_of(path))
        os.remove(path)
      end
      assert.is_nil(next(store.uploads))
    end)
  end)

  it("give up the parts of an upload that fails", function()
    with_store(function(s3, store)
      store.buckets.site.f = store.object "there"
      local path <const> = temporary(("y"):rep(5 * 1024 * 1024 + 1))
      local err <const> = refusal(s3.upload, s3, path, { Bucket = "site", Key = "f", IfNoneMatch = "*" },
        { part_size = 5 * 1024 * 1024 })
      os.remove(path)
      assert.equal("PreconditionFailed", err.code)
      assert.same({ "there", "DELETE" }, { store.buckets.site.f.body, store.requests[#store.requests].method })
      assert.is_nil(next(store.uploads))
    end)
  end)
end)

describe("s3 parameters", function()
  local function misuse(operation, parameters)
    return environment.with({ ["AWS_*"] = false }, function()
      local s3 <const> = aws.session({ region = "eu-west-2", credentials = s3_server.CREDENTIALS }):client "s3"
      local _, problem = pcall(s3[operation], s3, parameters)
      return tostring(problem)
    end)
  end

  it("that are wrong are told with the nearest right one", function()
    assert.matches("there is no 'IfNonMatch', but there is 'IfNoneMatch'", misuse("PutObject",
      { Bucket = "site", Key = "k", IfNonMatch = "*" }))
    assert.matches("there is no 'Delete%.Objects%[1%]%.key', but there is 'Key'", misuse("DeleteObjects",
      { Bucket = "site", Delete = { Objects = { { key = "k" } } } }))
    assert.matches("'Key' is missing", misuse("GetObject", { Bucket = "site" }))
    assert.matches("no operation 'GetObjects' here, but there is 'GetObject'", misuse("GetObjects", {}))
    assert.matches("Body: a text expected, got table", misuse("PutObject", { Bucket = "site", Key = "k", Body = {} }))
    assert.matches("MaxKeys: a whole number expected", misuse("ListObjectsV2", { Bucket = "site", MaxKeys = "many" }))
    assert.matches("Metadata%.a: names and values", misuse("PutObject", { Bucket = "site", Key = "k",
      Metadata = { a = "é" } }))
    assert.matches("no bucket's name; for an access point", misuse("HeadBucket", { Bucket = "arn:aws:s3:::x" }))
  end)
end)

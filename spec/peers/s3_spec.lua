-- Fairlead's S3 client against moto, behind the verifier of signatures.
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local keys = require "spec.peers.support.keys"
local program = require "spec.support.program"
local simulated = require "spec.peers.support.simulated_aws"

-- Keys that are written in several ways in URLs and XML.
local KEYS <const> = { "a b/é+&=?#~.csv", "../x//y", "%41", "…/\u{1F6A2}" }
local MEGABYTE <const> = 1024 * 1024

describe("moto's S3", function()
  local moto <const> = simulated.of("s3", { it = it, setup = setup, teardown = teardown })
  local asked <const> = moto.asked

  local function of(session) return session:client "s3" end

  asked("s3.PutObject", function(session)
    local s3 <const> = of(session)
    moto.made("s3", "CreateBucket", { Bucket = "data",
      CreateBucketConfiguration = { LocationConstraint = keys.region } })
    for _, key in ipairs(KEYS) do
      s3:PutObject { Bucket = "data", Key = key, Body = "of " .. key, ContentType = "text/csv",
        Metadata = { run = "20260302-1" } }
    end
    s3:PutObject { Bucket = "data", Key = "once", Body = "first", IfNoneMatch = "*" }
    local _, err <const> = try(s3.PutObject, s3, { Bucket = "data", Key = "once", Body = "second", IfNoneMatch = "*" })
    assert.equal("PreconditionFailed", err.code)
  end)

  asked("s3.GetObject", function(session)
    local s3 <const> = of(session)
    for _, key in ipairs(KEYS) do
      local object <const> = s3:GetObject { Bucket = "data", Key = key }
      assert.equal("of " .. key, object.Body)
      assert.equal("text/csv", object.ContentType)
      assert.equal("20260302-1", object.Metadata.run)
    end
    assert.equal("fi", s3:GetObject({ Bucket = "data", Key = "once", Range = "bytes=0-1" }).Body)
    local _, err <const> = try(s3.GetObject, s3, { Bucket = "data", Key = "none" })
    assert.equal("aws.api.not_found NoSuchKey", err.kind .. " " .. err.code)
    local etag <const> = s3:HeadObject({ Bucket = "data", Key = "once" }).ETag
    assert.equal("first", s3:GetObject({ Bucket = "data", Key = "once", IfMatch = etag }).Body)
    local _, unlike <const> = try(s3.GetObject, s3, { Bucket = "data", Key = "once", IfMatch = '"other"' })
    assert.equal("PreconditionFailed", unlike.code)
  end)

  asked("s3.HeadObject", function(session)
    local s3 <const> = of(session)
    local head <const> = s3:HeadObject { Bucket = "data", Key = KEYS[1] }
    assert.equal(#("of " .. KEYS[1]), head.ContentLength)
    assert.is_true(math.abs(head.LastModified - clock.now()) < 600)
    local _, err <const> = try(s3.HeadObject, s3, { Bucket = "data", Key = "none" })
    assert.equal("aws.api.not_found", err.kind)
  end)

  asked("s3.ListObjectsV2", function(session)
    local s3 <const>, found = of(session), {}
    for object in s3:paginate("ListObjectsV2", { Bucket = "data", MaxKeys = 2 }, "Contents") do
      found[#found + 1] = object.Key
    end
    local expected = { "once", table.unpack(KEYS) }
    table.sort(expected)
    table.sort(found)
    assert.same(expected, found)
    local folders <const> = s3:ListObjectsV2({ Bucket = "data", Delimiter = "/", Prefix = "a" }).CommonPrefixes
    assert.equal("a b/", folders[1].Prefix)
  end)

  asked("s3.CopyObject", function(session)
    local s3 <const> = of(session)
    s3:CopyObject { Bucket = "data", Key = "copy of it", CopySource = { Bucket = "data", Key = KEYS[1] } }
    assert.equal("of " .. KEYS[1], s3:GetObject({ Bucket = "data", Key = "copy of it" }).Body)
  end)

  asked("s3.DeleteObject", function(session)
    local s3 <const> = of(session)
    s3:DeleteObject { Bucket = "data", Key = "copy of it" }
    assert.is_nil((try(s3.HeadObject, s3, { Bucket = "data", Key = "copy of it" })))
  end)

  asked("s3.DeleteObjects", function(session)
    local s3 <const>, objects = of(session), {}
    for i, key in ipairs(KEYS) do objects[i] = { Key = key } end
    local done <const> = s3:DeleteObjects { Bucket = "data", Delete = { Objects = objects } }
    assert.equal(#KEYS, #done.Deleted)
    assert.equal(1, s3:ListObjectsV2({ Bucket = "data" }).KeyCount)
  end)

  asked("s3 upload in parts, and download", function(session)
    local folder <close> = program.folder()
    local s3 <const> = of(session)
    local parts = {}
    for i = 1, 11 do parts[i] = (("%07d"):format(i)):rep(MEGABYTE // 7) end
    local text <const> = table.concat(parts)
    local path <const> = folder:write("large", text)
    s3:upload(path, { Bucket = "data", Key = "large", ContentType = "text/plain" }, { part_size = 5 * MEGABYTE })
    local head <const> = s3:HeadObject { Bucket = "data", Key = "large" }
    assert.equal(#text, head.ContentLength)
    assert.equal("text/plain", head.ContentType)
    assert.matches("%-3\"$", head.ETag) -- in three parts
    s3:download({ Bucket = "data", Key = "large" }, folder.path .. "/back", { part_size = 5 * MEGABYTE })
    local back <close> = assert(io.open(folder.path .. "/back"))
    assert.is_true(back:read "a" == text)
  end)

  asked("s3 upload in parts without a type", function(session)
    local s3 <const> = of(session)
    local upload <const> = s3:CreateMultipartUpload { Bucket = "data", Key = "plain" }
    local part <const> = s3:UploadPart { Bucket = "data", Key = "plain", UploadId = upload.UploadId, PartNumber = 1,
      Body = "text" }
    s3:CompleteMultipartUpload { Bucket = "data", Key = "plain", UploadId = upload.UploadId,
      MultipartUpload = { Parts = { { PartNumber = 1, ETag = part.ETag } } } }
    assert.equal("binary/octet-stream", s3:HeadObject({ Bucket = "data", Key = "plain" }).ContentType)
  end)

  asked("s3.AbortMultipartUpload", function(session)
    local s3 <const> = of(session)
    local upload <const> = s3:CreateMultipartUpload { Bucket = "data", Key = "never" }
    s3:AbortMultipartUpload { Bucket = "data", Key = "never", UploadId = upload.UploadId }
    assert.is_nil((try(s3.HeadObject, s3, { Bucket = "data", Key = "never" })))
  end)

  asked("s3 presigned URLs", function(session)
    local s3 <const> = of(session)
    local put <const>, headers <const> = s3:presign("PutObject", { Bucket = "data", Key = KEYS[1],
      ContentType = "text/plain" })
    assert.equal(200, http.put(put, { body = "by whoever has the URL", headers = headers }).status)
    local got <const> = http.get((s3:presign("GetObject", { Bucket = "data", Key = KEYS[1] }, { expires = 60 })))
    assert.equal("by whoever has the URL", got.body)
    local spoilt <const> = s3:presign("GetObject", { Bucket = "data", Key = KEYS[1] })
    assert.equal(403, http.get((spoilt:gsub("Expires=900", "Expires=901"))).status)
  end)
end)

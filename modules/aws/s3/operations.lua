--- S3's operations: where each parameter goes in a request, and where each member of an output comes from.
---
--- Source: S3's API model as botocore carries it (`botocore/data/s3/2006-03-01/service-2.json`); a spec compares both
--- ways. A member has the same header, query field or element in all operations, save those that say otherwise.
local M = {}

---@alias fairlead.aws.s3.Kind "string"|"integer"|"boolean"|"date"|"time"|"list"

--- `Member=name` or `Member:kind=name`, one after the other.
local function names(text)
  local places = {}
  for member, kind, name in text:gmatch "(%w+):?(%l*)=(%S+)" do
    places[member] = { name = name, kind = kind ~= "" and kind or "string" }
  end
  return places
end

local CHECKSUMS <const> = "ChecksumCRC32 ChecksumCRC32C ChecksumCRC64NVME ChecksumMD5 ChecksumSHA1 ChecksumSHA256 "
  .. "ChecksumSHA512 ChecksumXXHASH128 ChecksumXXHASH3 ChecksumXXHASH64 "

--- Headers of requests and answers. A date is as in HTTP, a time as in ISO 8601; both are unix seconds in Lua.
---@type table<string, {name: string, kind: fairlead.aws.s3.Kind}>
M.headers = names [[
  ACL=x-amz-acl AbortDate:date=x-amz-abort-date AbortRuleId=x-amz-abort-rule-id AcceptRanges=Accept-Ranges
  AccessPointAlias:boolean=x-amz-access-point-alias ArchiveStatus=x-amz-archive-status
  BucketArn=x-amz-bucket-arn BucketKeyEnabled:boolean=x-amz-server-side-encryption-bucket-key-enabled
  BucketLocationName=x-amz-bucket-location-name BucketLocationType=x-amz-bucket-location-type
  BucketRegion=x-amz-bucket-region
  BypassGovernanceRetention:boolean=x-amz-bypass-governance-retention CacheControl=Cache-Control
  ChecksumAlgorithm=x-amz-checksum-algorithm ChecksumCRC32=x-amz-checksum-crc32 ChecksumCRC32C=x-amz-checksum-crc32c
  ChecksumCRC64NVME=x-amz-checksum-crc64nvme ChecksumMD5=x-amz-checksum-md5 ChecksumMode=x-amz-checksum-mode
  ChecksumSHA1=x-amz-checksum-sha1 ChecksumSHA256=x-amz-checksum-sha256 ChecksumSHA512=x-amz-checksum-sha512
  ChecksumType=x-amz-checksum-type ChecksumXXHASH128=x-amz-checksum-xxhash128 ChecksumXXHASH3=x-amz-checksum-xxhash3
  ChecksumXXHASH64=x-amz-checksum-xxhash64 ContentDisposition=Content-Disposition ContentEncoding=Content-Encoding
  ContentLanguage=Content-Language ContentLength:integer=Content-Length ContentMD5=Content-MD5
  ContentRange=Content-Range ContentType=Content-Type
  CopySource=x-amz-copy-source CopySourceIfMatch=x-amz-copy-source-if-match
  CopySourceIfModifiedSince:date=x-amz-copy-source-if-modified-since
  CopySourceIfNoneMatch=x-amz-copy-source-if-none-match
  CopySourceIfUnmodifiedSince:date=x-amz-copy-source-if-unmodified-since
  CopySourceSSECustomerAlgorithm=x-amz-copy-source-server-side-encryption-customer-algorithm
  CopySourceSSECustomerKey=x-amz-copy-source-server-side-encryption-customer-key
  CopySourceSSECustomerKeyMD5=x-amz-copy-source-server-side-encryption-customer-key-MD5
  CopySourceVersionId=x-amz-copy-source-version-id DeleteMarker:boolean=x-amz-delete-marker ETag=ETag
  ExpectedBucketOwner=x-amz-expected-bucket-owner ExpectedSourceBucketOwner=x-amz-source-expected-bucket-owner
  Expiration=x-amz-expiration Expires:date=Expires
  GrantFullControl=x-amz-grant-full-control GrantRead=x-amz-grant-read GrantReadACP=x-amz-grant-read-acp
  GrantWriteACP=x-amz-grant-write-acp IfMatch=If-Match IfMatchInitiatedTime:date=x-amz-if-match-initiated-time
  IfMatchLastModifiedTime:date=x-amz-if-match-last-modified-time IfMatchSize:integer=x-amz-if-match-size
  IfModifiedSince:date=If-Modified-Since IfNoneMatch=If-None-Match IfUnmodifiedSince:date=If-Unmodified-Since
  LastModified:date=Last-Modified MFA=x-amz-mfa MetadataDirective=x-amz-metadata-directive
  MissingMeta:integer=x-amz-missing-meta MpuObjectSize:integer=x-amz-mp-object-size
  ObjectLockLegalHoldStatus=x-amz-object-lock-legal-hold ObjectLockMode=x-amz-object-lock-mode
  ObjectLockRetainUntilDate:time=x-amz-object-lock-retain-until-date
  OptionalObjectAttributes:list=x-amz-optional-object-attributes PartsCount:integer=x-amz-mp-parts-count
  Range=Range ReplicationStatus=x-amz-replication-status RequestCharged=x-amz-request-charged
  RequestPayer=x-amz-request-payer Restore=x-amz-restore
  SSECustomerAlgorithm=x-amz-server-side-encryption-customer-algorithm
  SSECustomerKey=x-amz-server-side-encryption-customer-key
  SSECustomerKeyMD5=x-amz-server-side-encryption-customer-key-MD5
  SSEKMSEncryptionContext=x-amz-server-side-encryption-context
  SSEKMSKeyId=x-amz-server-side-encryption-aws-kms-key-id ServerSideEncryption=x-amz-server-side-encryption
  Size:integer=x-amz-object-size StorageClass=x-amz-storage-class TagCount:integer=x-amz-tagging-count
  Tagging=x-amz-tagging TaggingDirective=x-amz-tagging-directive VersionId=x-amz-version-id
  WebsiteRedirectLocation=x-amz-website-redirect-location WriteOffsetBytes:integer=x-amz-write-offset-bytes
]]

--- Metadata's headers begin with this.
M.METADATA = "x-amz-meta-"

---@type table<string, {name: string, kind: fairlead.aws.s3.Kind}>
M.query = names [[
  BucketRegion=bucket-region ContinuationToken=continuation-token Delimiter=delimiter EncodingType=encoding-type
  FetchOwner:boolean=fetch-owner MaxBuckets:integer=max-buckets MaxKeys:integer=max-keys PartNumber:integer=partNumber
  Prefix=prefix ResponseCacheControl=response-cache-control ResponseContentDisposition=response-content-disposition
  ResponseContentEncoding=response-content-encoding ResponseContentLanguage=response-content-language
  ResponseContentType=response-content-type ResponseExpires:date=response-expires StartAfter=start-after
  UploadId=uploadId VersionId=versionId
]]

--- XML: a member is a kind, or {list=element's name, of=} (`wrapped`: inside an element of the member's name), or
--- {of=} for a structure.
local function fields(text)
  local shape = {}
  for name, kind in text:gmatch "(%w+):?(%l*)" do
    shape[name] = kind ~= "" and kind or "string"
  end
  return shape
end

local function with(shape, more)
  for name, kind in pairs(more) do
    shape[name] = kind
  end
  return shape
end

local OWNER <const> = { of = fields "DisplayName ID" }
local ERROR <const> = fields "Key VersionId Code Message"

---@class fairlead.aws.s3.Operation
---@field method string
---@field query table<string, string>? what the operation always has in its query
---@field path string[] parameters in the path, all of them required
---@field required string[]
---@field places table<string, "path"|"query"|"header"|"metadata"|"body"> of each parameter
---@field headers table<string, string>? parameters whose header is another than elsewhere
---@field payload string? the parameter that is the body
---@field element string? the name of the body's element; nil: the body is as given
---@field shape table? of the body
---@field gives table<string, true> members of the output that are headers
---@field output table? XML: its shape; within: the output's member that all of it is
---@field within string?
---@field fails_late boolean? S3 may answer 200 and tell of a failure in the body

local function words(text)
  local list = {}
  for word in (text or ""):gmatch "%w+" do
    list[#list + 1] = word
  end
  return list
end

---@return fairlead.aws.s3.Operation
local function operation(described)
  local places, gives, required = {}, {}, words(described.required)
  for _, name in ipairs(words(described.path)) do
    places[name] = "path"
    table.insert(required, 1, name)
  end
  for _, name in ipairs(words(described.takes)) do
    places[name] = "header"
  end
  for _, name in ipairs(words(described.in_query)) do
    places[name] = "query"
  end
  for _, name in ipairs(words(described.gives)) do
    gives[name] = true
  end
  if described.metadata == "taken" then
    places.Metadata = "metadata"
  elseif described.metadata == "given" then
    gives.Metadata = true
  end
  if described.payload then
    places[described.payload] = "body"
  end
  return { method = described.method, query = described.query, path = words(described.path), required = required,
    places = places, headers = described.headers, payload = described.payload, element = described.element,
    shape = described.shape, gives = gives, output = described.output, within = described.within,
    fails_late = described.fails_late }
end

local KEYED <const> = "Bucket Key"
local CUSTOMER <const> = "SSECustomerAlgorithm SSECustomerKey SSECustomerKeyMD5 "
local ENCRYPTED <const> = "BucketKeyEnabled ServerSideEncryption SSEKMSKeyId "
local READ <const> = "ChecksumMode ExpectedBucketOwner IfMatch IfModifiedSince IfNoneMatch IfUnmodifiedSince Range "
  .. "RequestPayer " .. CUSTOMER
local READ_QUERY <const> = "PartNumber ResponseCacheControl ResponseContentDisposition ResponseContentEncoding "
  .. "ResponseContentLanguage ResponseContentType ResponseExpires VersionId"
local OBJECT <const> = "AcceptRanges CacheControl ChecksumType ContentDisposition ContentEncoding ContentLanguage "
  .. "ContentLength ContentRange ContentType DeleteMarker ETag Expiration Expires LastModified MissingMeta "
  .. "ObjectLockLegalHoldStatus ObjectLockMode ObjectLockRetainUntilDate PartsCount ReplicationStatus RequestCharged "
  .. "Restore SSECustomerAlgorithm SSECustomerKeyMD5 StorageClass TagCount VersionId WebsiteRedirectLocation "
  .. ENCRYPTED .. CHECKSUMS
-- What PutObject, CopyObject and CreateMultipartUpload take of a new object.
local NEW <const> = "ACL CacheControl ChecksumAlgorithm ContentDisposition ContentEncoding ContentLanguage ContentType "
  .. "ExpectedBucketOwner Expires GrantFullControl GrantRead GrantReadACP GrantWriteACP ObjectLockLegalHoldStatus "
  .. "ObjectLockMode ObjectLockRetainUntilDate RequestPayer SSEKMSEncryptionContext StorageClass Tagging "
  .. "WebsiteRedirectLocation " .. ENCRYPTED .. CUSTOMER
local MADE <const> = "RequestCharged SSECustomerAlgorithm SSECustomerKeyMD5 SSEKMSEncryptionContext " .. ENCRYPTED
-- With a body, this tells which checksum is sent along; without one, which S3 shall make.
local SENT <const> = { ChecksumAlgorithm = "x-amz-sdk-checksum-algorithm" }

---@type table<string, fairlead.aws.s3.Operation>
M.list = {
  GetObject = operation { method = "GET", path = KEYED, takes = READ, in_query = READ_QUERY, metadata = "given",
    gives = OBJECT },
  HeadObject = operation { method = "HEAD", path = KEYED, takes = READ, in_query = READ_QUERY, metadata = "given",
    gives = OBJECT .. " ArchiveStatus" },
  PutObject = operation { method = "PUT", path = KEYED, payload = "Body", metadata = "taken", headers = SENT,
    takes = NEW .. CHECKSUMS .. "ContentLength ContentMD5 IfMatch IfNoneMatch WriteOffsetBytes",
    gives = MADE .. CHECKSUMS .. "ChecksumType ETag Expiration Size VersionId" },
  DeleteObject = operation { method = "DELETE", path = KEYED, in_query = "VersionId",
    takes = "BypassGovernanceRetention ExpectedBucketOwner IfMatch IfMatchLastModifiedTime IfMatchSize MFA "
      .. "RequestPayer",
    gives = "DeleteMarker RequestCharged VersionId" },
  DeleteObjects = operation { method = "POST", path = "Bucket", query = { delete = "" }, payload = "Delete",
    element = "Delete", required = "Delete", headers = SENT,
    takes = "BypassGovernanceRetention ChecksumAlgorithm ExpectedBucketOwner MFA RequestPayer",
    shape = { Objects = { list = "Object", of = fields "Key VersionId ETag LastModifiedTime:date Size:integer" },
      Quiet = "boolean" },
    gives = "RequestCharged",
    output = { Deleted = { list = "Deleted", of = fields "Key VersionId DeleteMarker:boolean DeleteMarkerVersionId" },
      Errors = { list = "Error", of = ERROR } } },
  ListObjectsV2 = operation { method = "GET", path = "Bucket", query = { ["list-type"] = "2" },
    in_query = "ContinuationToken Delimiter EncodingType FetchOwner MaxKeys Prefix StartAfter",
    takes = "ExpectedBucketOwner OptionalObjectAttributes RequestPayer", gives = "RequestCharged",
    output = with(fields("ContinuationToken Delimiter EncodingType IsTruncated:boolean KeyCount:integer "
      .. "MaxKeys:integer Name NextContinuationToken Prefix StartAfter"), {
      CommonPrefixes = { list = "CommonPrefixes", of = fields "Prefix" },
      Contents = { list = "Contents", of = with(
        fields "ChecksumType ETag Key LastModified:time Size:integer StorageClass", {
          ChecksumAlgorithm = { list = "ChecksumAlgorithm", of = "string" }, Owner = OWNER,
          RestoreStatus = { of = fields "IsRestoreInProgress:boolean RestoreExpiryDate:time" } }) } }) },
  ListBuckets = operation { method = "GET", path = "", in_query = "BucketRegion ContinuationToken MaxBuckets Prefix",
    output = with(fields "ContinuationToken Prefix", { Owner = OWNER, Buckets = { wrapped = true, list = "Bucket",
      of = fields "BucketArn BucketRegion CreationDate:time Name" } }) },
  HeadBucket = operation { method = "HEAD", path = "Bucket", takes = "ExpectedBucketOwner",
    gives = "AccessPointAlias BucketArn BucketLocationName BucketLocationType BucketRegion" },
  CopyObject = operation { method = "PUT", path = KEYED, required = "CopySource", metadata = "taken", fails_late = true,
    takes = NEW .. "CopySource CopySourceIfMatch CopySourceIfModifiedSince CopySourceIfNoneMatch "
      .. "CopySourceIfUnmodifiedSince CopySourceSSECustomerAlgorithm CopySourceSSECustomerKey "
      .. "CopySourceSSECustomerKeyMD5 ExpectedSourceBucketOwner IfMatch IfNoneMatch MetadataDirective TaggingDirective",
    gives = MADE .. "CopySourceVersionId Expiration VersionId", within = "CopyObjectResult",
    output = fields("ChecksumType ETag LastModified:time " .. CHECKSUMS) },
  CreateMultipartUpload = operation { method = "POST", path = KEYED, query = { uploads = "" }, metadata = "taken",
    takes = NEW .. "ChecksumType", gives = MADE .. "AbortDate AbortRuleId ChecksumAlgorithm ChecksumType",
    output = fields "Bucket Key UploadId" },
  UploadPart = operation { method = "PUT", path = KEYED, payload = "Body", required = "PartNumber UploadId",
    in_query = "PartNumber UploadId", headers = SENT,
    takes = CHECKSUMS .. CUSTOMER .. "ChecksumAlgorithm ContentLength ContentMD5 ExpectedBucketOwner RequestPayer",
    gives = CHECKSUMS .. ENCRYPTED .. "ETag RequestCharged SSECustomerAlgorithm SSECustomerKeyMD5" },
  CompleteMultipartUpload = operation { method = "POST", path = KEYED, payload = "MultipartUpload",
    element = "CompleteMultipartUpload", required = "UploadId", in_query = "UploadId", fails_late = true,
    takes = CHECKSUMS .. CUSTOMER .. "ChecksumType ExpectedBucketOwner IfMatch IfNoneMatch MpuObjectSize RequestPayer",
    shape = { Parts = { list = "Part", of = fields("ETag PartNumber:integer " .. CHECKSUMS) } },
    gives = ENCRYPTED .. "Expiration RequestCharged VersionId",
    output = fields("Bucket ChecksumType ETag Key Location " .. CHECKSUMS) },
  AbortMultipartUpload = operation { method = "DELETE", path = KEYED, required = "UploadId", in_query = "UploadId",
    takes = "ExpectedBucketOwner IfMatchInitiatedTime RequestPayer", gives = "RequestCharged" },
}

return M

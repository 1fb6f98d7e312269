return [[
== session
local session = aws.session { profile = "staging", region = "eu-west-2" }
print(session:region()) --> eu-west-2	false

== approval
local channel = aws.approval { client = aws.session { region = "eu-west-2" }:client "codepipeline",
  pipeline = "lighthouse", execution = "6b2b2f1e-0000-4000-8000-000000000000", stage = "Approve", action = "Approve" }
print(channel.name) --> CodePipeline

== Session:client
local ecs = aws.session { region = "eu-west-2" }:client "ecs"
print(ecs.service, ecs.region) --> ecs	eu-west-2

== Session:credentials
print(aws.session { region = "eu-west-2" }:credentials().secret_access_key) --> [secret]

== Session:region
print(aws.session { region = "eu-west-1" }:region()) --> eu-west-1	false

== Session:derive
local other = aws.session { region = "eu-west-2" }:derive { region = "eu-west-1" }
print((other:region())) --> eu-west-1

== Session:refresh
local session = aws.session { region = "eu-west-2" }
session:refresh() -- after signing in anew

== Session:settings
print(type(aws.session { region = "eu-west-2" }:settings())) --> table

== Session:files
print(type(aws.session { region = "eu-west-2" }:files().profiles)) --> table

== Session:exists
print(aws.session { profile = "nobody", region = "eu-west-2" }:exists()) --> false

== Session:is_named
print(aws.session { profile = "staging", region = "eu-west-2" }:is_named()) --> true

== Session:path_of
print(aws.session { region = "eu-west-2" }:path_of "region")

== Session:name
print(aws.session { profile = "staging" }:name "~/.aws/config") --> profile 'staging' in ~/.aws/config

== Session:ca_file
print(aws.session { region = "eu-west-2" }:ca_file())

== Client:call
local ecs = aws.session { region = "eu-west-2" }:client "ecs"
local output = ecs:call("DescribeServices", { cluster = "staging-cluster", services = { "staging-lighthouse" } })
print(output.services[1].serviceName) --> staging-lighthouse

== Client:paginate
local ecs = aws.session { region = "eu-west-2" }:client "ecs"
for arn in ecs:paginate("ListTasks", { cluster = "staging-cluster" }, "taskArns") do print(arn) end

== S3:presign
local s3 = aws.session { region = "eu-west-2" }:client "s3"
print((s3:presign("GetObject", { Bucket = "notes", Key = "today.txt" }, { expires = 300 })):match "^https://[^/]+")

== S3:upload
local path = os.tmpname()
local s3 = aws.session { region = "eu-west-2" }:client "s3"
local output, err = try(s3.upload, s3, path, { Bucket = "notes", Key = "today.txt" })
print(output or err) -- the simulated AWS has no S3
os.remove(path)

== S3:download
local path = os.tmpname()
local s3 = aws.session { region = "eu-west-2" }:client "s3"
local output, err = try(s3.download, s3, { Bucket = "notes", Key = "today.txt" }, path)
print(output or err) -- the simulated AWS has no S3
os.remove(path)
]]

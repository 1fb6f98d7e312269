--- Amazon Elastic Container Registry: its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, ecr/2015-09-21; written by `./dev operations`.
return [[
BatchCheckLayerAvailability repositoryName! layerDigests:list! registryId -> layers:list failures:list
BatchDeleteImage repositoryName! imageIds:list! registryId -> imageIds:list failures:list
BatchGetImage repositoryName! imageIds:list! registryId acceptedMediaTypes:list -> images:list failures:list
BatchGetRepositoryScanningConfiguration repositoryNames:list! -> scanningConfigurations:list failures:list
CompleteLayerUpload repositoryName! uploadId! layerDigests:list! registryId -> registryId repositoryName uploadId
  layerDigest
CreatePullThroughCacheRule ecrRepositoryPrefix! upstreamRegistryUrl! registryId upstreamRegistry credentialArn
  customRoleArn upstreamRepositoryPrefix -> ecrRepositoryPrefix upstreamRegistryUrl createdAt:time registryId
  upstreamRegistry credentialArn customRoleArn upstreamRepositoryPrefix
CreateRepository repositoryName! registryId tags:list imageTagMutability imageTagMutabilityExclusionFilters:list
  imageScanningConfiguration:table encryptionConfiguration:table -> repository:table
CreateRepositoryCreationTemplate prefix! appliedFor:list! description encryptionConfiguration:table resourceTags:list
  imageTagMutability imageTagMutabilityExclusionFilters:list repositoryPolicy lifecyclePolicy customRoleArn ->
  registryId repositoryCreationTemplate:table
DeleteLifecyclePolicy repositoryName! registryId -> registryId repositoryName lifecyclePolicyText lastEvaluatedAt:time
DeletePullThroughCacheRule ecrRepositoryPrefix! registryId -> ecrRepositoryPrefix upstreamRegistryUrl createdAt:time
  registryId credentialArn customRoleArn upstreamRepositoryPrefix
DeleteRegistryPolicy -> registryId policyText
DeleteRepository repositoryName! registryId force:boolean -> repository:table
DeleteRepositoryCreationTemplate prefix! -> registryId repositoryCreationTemplate:table
DeleteRepositoryPolicy repositoryName! registryId -> registryId repositoryName policyText
DeleteSigningConfiguration -> registryId signingConfiguration:table
DeregisterPullTimeUpdateExclusion principalArn! -> principalArn
DescribeImageReplicationStatus repositoryName! imageId:table! registryId -> repositoryName imageId:table
  replicationStatuses:list
DescribeImageScanFindings repositoryName! imageId:table! registryId nextToken maxResults:integer -> registryId
  repositoryName imageId:table imageScanStatus:table imageScanFindings:table nextToken
DescribeImageSigningStatus repositoryName! imageId:table! registryId -> repositoryName imageId:table registryId
  signingStatuses:list
DescribeImages repositoryName! registryId imageIds:list nextToken maxResults:integer filter:table -> imageDetails:list
  nextToken
DescribePullThroughCacheRules registryId ecrRepositoryPrefixes:list nextToken maxResults:integer ->
  pullThroughCacheRules:list nextToken
DescribeRegistry -> registryId replicationConfiguration:table
DescribeReplicationBackfillResults replicationBackfillId! registryId resultStatusFilter maxResults:integer nextToken
  -> registryId replicationBackfillId destination:table status failureCode progress:table results:list startedAt:time
  endedAt:time nextToken
DescribeRepositories registryId repositoryNames:list nextToken maxResults:integer -> repositories:list nextToken
DescribeRepositoryCreationTemplates prefixes:list nextToken maxResults:integer -> registryId
  repositoryCreationTemplates:list nextToken
GetAccountSetting name! -> name value
GetAuthorizationToken registryIds:list -> authorizationData:list
GetDownloadUrlForLayer repositoryName! layerDigest! registryId -> downloadUrl layerDigest
GetLifecyclePolicy repositoryName! registryId -> registryId repositoryName lifecyclePolicyText lastEvaluatedAt:time
GetLifecyclePolicyPreview repositoryName! registryId imageIds:list nextToken maxResults:integer filter:table ->
  registryId repositoryName lifecyclePolicyText status nextToken previewResults:list summary:table
GetRegistryPolicy -> registryId policyText
GetRegistryScanningConfiguration -> registryId scanningConfiguration:table
GetRepositoryPolicy repositoryName! registryId -> registryId repositoryName policyText
GetSigningConfiguration -> registryId signingConfiguration:table
InitiateLayerUpload repositoryName! registryId -> uploadId partSize:integer
ListImageReferrers repositoryName! subjectId:table! registryId filter:table nextToken maxResults:integer ->
  referrers:list nextToken
ListImages repositoryName! registryId nextToken maxResults:integer filter:table -> imageIds:list nextToken
ListPullTimeUpdateExclusions maxResults:integer nextToken -> pullTimeUpdateExclusions:list nextToken
ListReplicationBackfills registryId maxResults:integer nextToken -> registryId backfills:list nextToken
ListTagsForResource resourceArn! -> tags:list
PutAccountSetting name! value! -> name value
PutImage repositoryName! imageManifest! registryId imageManifestMediaType imageTag imageDigest -> image:table
PutImageScanningConfiguration repositoryName! imageScanningConfiguration:table! registryId -> registryId
  repositoryName imageScanningConfiguration:table
PutImageTagMutability repositoryName! imageTagMutability! registryId imageTagMutabilityExclusionFilters:list ->
  registryId repositoryName imageTagMutability imageTagMutabilityExclusionFilters:list
PutLifecyclePolicy repositoryName! lifecyclePolicyText! registryId -> registryId repositoryName lifecyclePolicyText
PutRegistryPolicy policyText! -> registryId policyText
PutRegistryScanningConfiguration scanType rules:list -> registryScanningConfiguration:table
PutReplicationConfiguration replicationConfiguration:table! -> replicationConfiguration:table
PutSigningConfiguration signingConfiguration:table! -> signingConfiguration:table
RegisterPullTimeUpdateExclusion principalArn! -> principalArn createdAt:time
SetRepositoryPolicy repositoryName! policyText! registryId force:boolean -> registryId repositoryName policyText
StartImageScan repositoryName! imageId:table! registryId -> registryId repositoryName imageId:table
  imageScanStatus:table
StartLifecyclePolicyPreview repositoryName! registryId lifecyclePolicyText -> registryId repositoryName
  lifecyclePolicyText status
StartReplicationBackfill destination:table! registryId -> replicationBackfillId registryId destination:table status
  startedAt:time
StopReplicationBackfill replicationBackfillId! registryId -> registryId replicationBackfillId destination:table status
  startedAt:time
TagResource resourceArn! tags:list!
UntagResource resourceArn! tagKeys:list!
UpdateImageStorageClass repositoryName! imageId:table! targetStorageClass! registryId -> registryId repositoryName
  imageId:table imageStatus
UpdatePullThroughCacheRule ecrRepositoryPrefix! registryId credentialArn customRoleArn -> ecrRepositoryPrefix
  registryId updatedAt:time credentialArn customRoleArn upstreamRepositoryPrefix
UpdateRepositoryCreationTemplate prefix! description encryptionConfiguration:table resourceTags:list
  imageTagMutability imageTagMutabilityExclusionFilters:list repositoryPolicy lifecyclePolicy appliedFor:list
  customRoleArn -> registryId repositoryCreationTemplate:table
UploadLayerPart repositoryName! uploadId! partFirstByte:integer! partLastByte:integer! layerPartBlob:blob! registryId
  -> registryId repositoryName uploadId lastByteReceived:integer
ValidatePullThroughCacheRule ecrRepositoryPrefix! registryId -> ecrRepositoryPrefix registryId upstreamRegistryUrl
  credentialArn customRoleArn upstreamRepositoryPrefix isValid:boolean failure
imageTagMutability = MUTABLE IMMUTABLE IMMUTABLE_WITH_EXCLUSION MUTABLE_WITH_EXCLUSION
resultStatusFilter = COMPLETE FAILED
scanType = BASIC ENHANCED
targetStorageClass = STANDARD ARCHIVE
upstreamRegistry = ecr ecr-public quay k8s docker-hub github-container-registry azure-container-registry
  gitlab-container-registry chainguard
]]

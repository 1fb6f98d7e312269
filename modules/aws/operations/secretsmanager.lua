--- AWS Secrets Manager: its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, secretsmanager/2017-10-17; written by `./dev operations`.
return [[
AssociateCrossAccountReplica SecretId! CrossAccountReplicaARN! ReplicaRestriction ReplicationRoleARN -> ARN
  CrossAccountReplicaARN ReplicationStatus
BatchGetSecretValue SecretIdList:list Filters:list MaxResults:integer NextToken -> SecretValues:list NextToken
  Errors:list
CancelRotateSecret SecretId! -> ARN Name VersionId
CreateSecret Name! ClientRequestToken Description KmsKeyId SecretBinary:blob SecretString Tags:list
  AddReplicaRegions:list ForceOverwriteReplicaSecret:boolean Type CrossAccountPrimaryARN -> ARN Name VersionId
  ReplicationStatus:list
DeleteResourcePolicy SecretId! PolicyName -> ARN Name PolicyName
DeleteSecret SecretId! RecoveryWindowInDays:integer ForceDeleteWithoutRecovery:boolean -> ARN Name DeletionDate:time
DescribeSecret SecretId! -> ARN Name Type Description KmsKeyId RotationEnabled:boolean RotationLambdaARN
  RotationRules:table ExternalSecretRotationMetadata:list ExternalSecretRotationRoleArn LastRotatedDate:time
  LastChangedDate:time LastAccessedDate:time DeletedDate:time NextRotationDate:time Tags:list VersionIdsToStages:map
  OwningService CreatedDate:time PrimaryRegion ReplicationStatus:list CrossAccountPrimary:table
  CrossAccountReplicas:list
DisassociateCrossAccountReplica SecretId! CrossAccountReplicaARN! -> ARN CrossAccountReplicaARN
GetRandomPassword PasswordLength:integer ExcludeCharacters ExcludeNumbers:boolean ExcludePunctuation:boolean
  ExcludeUppercase:boolean ExcludeLowercase:boolean IncludeSpace:boolean RequireEachIncludedType:boolean ->
  RandomPassword
GetResourcePolicy SecretId! PolicyName -> ARN Name ResourcePolicy PolicyName
GetSecretValue SecretId! VersionId VersionStage -> ARN Name VersionId SecretBinary:blob SecretString
  VersionStages:list CreatedDate:time
ListResourcePolicies SecretId! MaxResults:integer NextToken -> ResourcePolicies:list NextToken
ListSecretVersionIds SecretId! MaxResults:integer NextToken IncludeDeprecated:boolean -> Versions:list NextToken ARN
  Name
ListSecrets IncludePlannedDeletion:boolean MaxResults:integer NextToken Filters:list SortOrder SortBy ->
  SecretList:list NextToken
PutResourcePolicy SecretId! ResourcePolicy! PolicyName BlockPublicPolicy:boolean -> ARN Name PolicyName
PutSecretValue SecretId! ClientRequestToken SecretBinary:blob SecretString VersionStages:list RotationToken -> ARN
  Name VersionId VersionStages:list
RemoveRegionsFromReplication SecretId! RemoveReplicaRegions:list! -> ARN ReplicationStatus:list
ReplicateSecretToRegions SecretId! AddReplicaRegions:list! ForceOverwriteReplicaSecret:boolean -> ARN
  ReplicationStatus:list
RestoreSecret SecretId! -> ARN Name
RotateSecret SecretId! ClientRequestToken RotationLambdaARN RotationRules:table ExternalSecretRotationMetadata:list
  ExternalSecretRotationRoleArn RotateImmediately:boolean -> ARN Name VersionId
StopReplicationToReplica SecretId! -> ARN
TagResource SecretId! Tags:list!
UntagResource SecretId! TagKeys:list!
UpdateSecret SecretId! ClientRequestToken Description KmsKeyId SecretBinary:blob SecretString Type -> ARN Name
  VersionId
UpdateSecretVersionStage SecretId! VersionStage! RemoveFromVersionId MoveToVersionId -> ARN Name
ValidateResourcePolicy ResourcePolicy! SecretId -> PolicyValidationPassed:boolean ValidationErrors:list
ReplicaRestriction = SameOrg NoRestriction
SortBy = created-date last-accessed-date last-changed-date name
SortOrder = asc desc
]]

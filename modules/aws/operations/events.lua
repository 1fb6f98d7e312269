--- Amazon EventBridge: its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, events/2015-10-07; written by `./dev operations`.
return [[
ActivateEventSource Name!
CancelReplay ReplayName! -> ReplayArn State StateReason
CreateApiDestination Name! ConnectionArn! InvocationEndpoint! HttpMethod! Description
  InvocationRateLimitPerSecond:integer -> ApiDestinationArn ApiDestinationState CreationTime:time
  LastModifiedTime:time
CreateArchive ArchiveName! EventSourceArn! Description EventPattern RetentionDays:integer KmsKeyIdentifier ->
  ArchiveArn State StateReason CreationTime:time
CreateConnection Name! AuthorizationType! AuthParameters:table! Description InvocationConnectivityParameters:table
  KmsKeyIdentifier -> ConnectionArn ConnectionState CreationTime:time LastModifiedTime:time
CreateEndpoint Name! RoutingConfig:table! EventBuses:list! Description ReplicationConfig:table RoleArn -> Name Arn
  RoutingConfig:table ReplicationConfig:table EventBuses:list RoleArn State
CreateEventBus Name! EventSourceName Description KmsKeyIdentifier DeadLetterConfig:table LogConfig:table Tags:list ->
  EventBusArn Description KmsKeyIdentifier DeadLetterConfig:table LogConfig:table
CreatePartnerEventSource Name! Account! -> EventSourceArn
DeactivateEventSource Name!
DeauthorizeConnection Name! -> ConnectionArn ConnectionState CreationTime:time LastModifiedTime:time
  LastAuthorizedTime:time
DeleteApiDestination Name!
DeleteArchive ArchiveName!
DeleteConnection Name! -> ConnectionArn ConnectionState CreationTime:time LastModifiedTime:time
  LastAuthorizedTime:time
DeleteEndpoint Name!
DeleteEventBus Name!
DeletePartnerEventSource Name! Account!
DeleteRule Name! EventBusName Force:boolean
DescribeApiDestination Name! -> ApiDestinationArn Name Description ApiDestinationState ConnectionArn
  InvocationEndpoint HttpMethod InvocationRateLimitPerSecond:integer CreationTime:time LastModifiedTime:time
DescribeArchive ArchiveName! -> ArchiveArn ArchiveName EventSourceArn Description EventPattern State StateReason
  KmsKeyIdentifier RetentionDays:integer SizeBytes:integer EventCount:integer CreationTime:time
DescribeConnection Name! -> ConnectionArn Name Description InvocationConnectivityParameters:table ConnectionState
  StateReason AuthorizationType SecretArn KmsKeyIdentifier AuthParameters:table CreationTime:time
  LastModifiedTime:time LastAuthorizedTime:time
DescribeEndpoint Name! HomeRegion -> Name Description Arn RoutingConfig:table ReplicationConfig:table EventBuses:list
  RoleArn EndpointId EndpointUrl State StateReason CreationTime:time LastModifiedTime:time
DescribeEventBus Name -> Name Arn Description KmsKeyIdentifier DeadLetterConfig:table Policy LogConfig:table
  CreationTime:time LastModifiedTime:time ManagedBy
DescribeEventSource Name! -> Arn CreatedBy CreationTime:time ExpirationTime:time Name State
DescribePartnerEventSource Name! -> Arn Name
DescribeReplay ReplayName! -> ReplayName ReplayArn Description State StateReason EventSourceArn Destination:table
  EventStartTime:time EventEndTime:time EventLastReplayedTime:time ReplayStartTime:time ReplayEndTime:time
DescribeRule Name! EventBusName -> Name Arn EventPattern ScheduleExpression State Description RoleArn ManagedBy
  EventBusName CreatedBy
DisableRule Name! EventBusName
EnableRule Name! EventBusName
ListApiDestinations NamePrefix ConnectionArn NextToken Limit:integer -> ApiDestinations:list NextToken
ListArchives NamePrefix EventSourceArn State NextToken Limit:integer -> Archives:list NextToken
ListConnections NamePrefix ConnectionState NextToken Limit:integer -> Connections:list NextToken
ListEndpoints NamePrefix HomeRegion NextToken MaxResults:integer -> Endpoints:list NextToken
ListEventBuses NamePrefix NextToken Limit:integer -> EventBuses:list NextToken
ListEventSources NamePrefix NextToken Limit:integer -> EventSources:list NextToken
ListPartnerEventSourceAccounts EventSourceName! NextToken Limit:integer -> PartnerEventSourceAccounts:list NextToken
ListPartnerEventSources NamePrefix! NextToken Limit:integer -> PartnerEventSources:list NextToken
ListReplays NamePrefix State EventSourceArn NextToken Limit:integer -> Replays:list NextToken
ListRuleNamesByTarget TargetArn! EventBusName NextToken Limit:integer -> RuleNames:list NextToken
ListRules NamePrefix EventBusName NextToken Limit:integer -> Rules:list NextToken
ListTagsForResource ResourceARN! -> Tags:list
ListTargetsByRule Rule! EventBusName NextToken Limit:integer -> Targets:list NextToken
PutEvents Entries:list! EndpointId -> FailedEntryCount:integer Entries:list
PutPartnerEvents Entries:list! -> FailedEntryCount:integer Entries:list
PutPermission EventBusName Action Principal StatementId Condition:table Policy
PutRule Name! ScheduleExpression EventPattern State Description RoleArn Tags:list EventBusName -> RuleArn
PutTargets Rule! Targets:list! EventBusName -> FailedEntryCount:integer FailedEntries:list
RemovePermission StatementId RemoveAllPermissions:boolean EventBusName
RemoveTargets Rule! Ids:list! EventBusName Force:boolean -> FailedEntryCount:integer FailedEntries:list
StartReplay ReplayName! EventSourceArn! EventStartTime:time! EventEndTime:time! Destination:table! Description ->
  ReplayArn State StateReason ReplayStartTime:time
TagResource ResourceARN! Tags:list!
TestEventPattern EventPattern! Event! -> Result:boolean
UntagResource ResourceARN! TagKeys:list!
UpdateApiDestination Name! Description ConnectionArn InvocationEndpoint HttpMethod
  InvocationRateLimitPerSecond:integer -> ApiDestinationArn ApiDestinationState CreationTime:time
  LastModifiedTime:time
UpdateArchive ArchiveName! Description EventPattern RetentionDays:integer KmsKeyIdentifier -> ArchiveArn State
  StateReason CreationTime:time
UpdateConnection Name! Description AuthorizationType AuthParameters:table InvocationConnectivityParameters:table
  KmsKeyIdentifier -> ConnectionArn ConnectionState CreationTime:time LastModifiedTime:time LastAuthorizedTime:time
UpdateEndpoint Name! Description RoutingConfig:table ReplicationConfig:table EventBuses:list RoleArn -> Name Arn
  RoutingConfig:table ReplicationConfig:table EventBuses:list RoleArn EndpointId EndpointUrl State
UpdateEventBus Name KmsKeyIdentifier Description DeadLetterConfig:table LogConfig:table -> Arn Name KmsKeyIdentifier
  Description DeadLetterConfig:table LogConfig:table
AuthorizationType = BASIC OAUTH_CLIENT_CREDENTIALS API_KEY
ConnectionState = CREATING UPDATING DELETING AUTHORIZED DEAUTHORIZED AUTHORIZING DEAUTHORIZING ACTIVE
  FAILED_CONNECTIVITY
HttpMethod = POST GET HEAD OPTIONS PUT PATCH DELETE
ListArchives.State = ENABLED DISABLED CREATING UPDATING CREATE_FAILED UPDATE_FAILED
ListReplays.State = STARTING RUNNING CANCELLING COMPLETED CANCELLED FAILED
PutRule.State = ENABLED DISABLED ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS
]]

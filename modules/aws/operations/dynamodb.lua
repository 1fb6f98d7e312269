--- Amazon DynamoDB: its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, dynamodb/2012-08-10; written by `./dev operations`.
return [[
BatchExecuteStatement Statements:list! ReturnConsumedCapacity -> Responses:list ConsumedCapacity:list
BatchGetItem RequestItems:map! ReturnConsumedCapacity -> Responses:map UnprocessedKeys:map ConsumedCapacity:list
BatchWriteItem RequestItems:map! ReturnConsumedCapacity ReturnItemCollectionMetrics -> UnprocessedItems:map
  ItemCollectionMetrics:map ConsumedCapacity:list
CancelBulkOperation BulkOperationArn! -> BulkOperationArn BulkOperationStatus
CreateBackup TableName! BackupName! -> BackupDetails:table
CreateGlobalTable GlobalTableName! ReplicationGroup:list! -> GlobalTableDescription:table
CreateTable TableName! AttributeDefinitions:list KeySchema:list LocalSecondaryIndexes:list GlobalSecondaryIndexes:list
  BillingMode ProvisionedThroughput:table StreamSpecification:table SSESpecification:table Tags:list TableClass
  DeletionProtectionEnabled:boolean WarmThroughput:table ResourcePolicy OnDemandThroughput:table GlobalTableSourceArn
  GlobalTableSettingsReplicationMode VectorIndexes:list -> TableDescription:table
DeleteBackup BackupArn! -> BackupDescription:table
DeleteItem TableName! Key:map! Expected:map ConditionalOperator ReturnValues ReturnConsumedCapacity
  ReturnItemCollectionMetrics ConditionExpression ExpressionAttributeNames:map ExpressionAttributeValues:map
  ReturnValuesOnConditionCheckFailure -> Attributes:map ConsumedCapacity:table ItemCollectionMetrics:table
DeleteResourcePolicy ResourceArn! ExpectedRevisionId -> RevisionId
DeleteTable TableName! -> TableDescription:table
DescribeBackup BackupArn! -> BackupDescription:table
DescribeBulkOperation BulkOperationArn! -> BulkOperationDescription:table
DescribeContinuousBackups TableName! -> ContinuousBackupsDescription:table
DescribeContributorInsights TableName! IndexName -> TableName IndexName ContributorInsightsRuleList:list
  ContributorInsightsStatus LastUpdateDateTime:time FailureException:table ContributorInsightsMode
DescribeEndpoints -> Endpoints:list
DescribeExport ExportArn! -> ExportDescription:table
DescribeGlobalTable GlobalTableName! -> GlobalTableDescription:table
DescribeGlobalTableSettings GlobalTableName! -> GlobalTableName ReplicaSettings:list
DescribeImport ImportArn! -> ImportTableDescription:table
DescribeKinesisStreamingDestination TableName! -> TableName KinesisDataStreamDestinations:list
DescribeLimits -> AccountMaxReadCapacityUnits:integer AccountMaxWriteCapacityUnits:integer
  TableMaxReadCapacityUnits:integer TableMaxWriteCapacityUnits:integer
DescribeTable TableName! -> Table:table
DescribeTableReplicaAutoScaling TableName! -> TableAutoScalingDescription:table
DescribeTimeToLive TableName! -> TimeToLiveDescription:table
DisableKinesisStreamingDestination TableName! StreamArn! EnableKinesisStreamingConfiguration:table -> TableName
  StreamArn DestinationStatus EnableKinesisStreamingConfiguration:table
EnableKinesisStreamingDestination TableName! StreamArn! EnableKinesisStreamingConfiguration:table -> TableName
  StreamArn DestinationStatus EnableKinesisStreamingConfiguration:table
ExecuteStatement Statement! Parameters:list ConsistentRead:boolean NextToken ReturnConsumedCapacity Limit:integer
  ReturnValuesOnConditionCheckFailure -> Items:list NextToken ConsumedCapacity:table LastEvaluatedKey:map
ExecuteTransaction TransactStatements:list! ClientRequestToken ReturnConsumedCapacity -> Responses:list
  ConsumedCapacity:list
ExportTableToPointInTime TableArn! S3Bucket! ExportTime:time ClientToken S3BucketOwner S3Prefix S3SseAlgorithm
  S3SseKmsKeyId ExportFormat ExportType IncrementalExportSpecification:table FilterSpecification:table ->
  ExportDescription:table
GetItem TableName! Key:map! AttributesToGet:list ConsistentRead:boolean ReturnConsumedCapacity ProjectionExpression
  ExpressionAttributeNames:map -> Item:map ConsumedCapacity:table
GetResourcePolicy ResourceArn! -> Policy RevisionId
ImportTable S3BucketSource:table! InputFormat! TableCreationParameters:table! ClientToken InputFormatOptions:table
  InputCompressionType -> ImportTableDescription:table
ListBackups TableName Limit:integer TimeRangeLowerBound:time TimeRangeUpperBound:time ExclusiveStartBackupArn
  BackupType -> BackupSummaries:list LastEvaluatedBackupArn
ListBulkOperations MaxResults:integer NextToken -> BulkOperationsSummaryList:list NextToken
ListContributorInsights TableName NextToken MaxResults:integer -> ContributorInsightsSummaries:list NextToken
ListExports TableArn MaxResults:integer NextToken -> ExportSummaries:list NextToken
ListGlobalTables ExclusiveStartGlobalTableName Limit:integer RegionName -> GlobalTables:list
  LastEvaluatedGlobalTableName
ListImports TableArn PageSize:integer NextToken -> ImportSummaryList:list NextToken
ListTables ExclusiveStartTableName Limit:integer -> TableNames:list LastEvaluatedTableName
ListTagsOfResource ResourceArn! NextToken -> Tags:list NextToken
PutItem TableName! Item:map! Expected:map ReturnValues ReturnConsumedCapacity ReturnItemCollectionMetrics
  ConditionalOperator ConditionExpression ExpressionAttributeNames:map ExpressionAttributeValues:map
  ReturnValuesOnConditionCheckFailure -> Attributes:map ConsumedCapacity:table ItemCollectionMetrics:table
PutResourcePolicy ResourceArn! Policy! ExpectedRevisionId ConfirmRemoveSelfResourceAccess:boolean -> RevisionId
Query TableName! IndexName Select AttributesToGet:list Limit:integer ConsistentRead:boolean KeyConditions:map
  QueryFilter:map ConditionalOperator ScanIndexForward:boolean ExclusiveStartKey:map ReturnConsumedCapacity
  ProjectionExpression FilterExpression KeyConditionExpression ExpressionAttributeNames:map
  ExpressionAttributeValues:map -> Items:list Count:integer ScannedCount:integer LastEvaluatedKey:map
  ConsumedCapacity:table
RestoreTableFromBackup TargetTableName! BackupArn! BillingModeOverride GlobalSecondaryIndexOverride:list
  LocalSecondaryIndexOverride:list ProvisionedThroughputOverride:table OnDemandThroughputOverride:table
  SSESpecificationOverride:table VectorIndexOverride:list -> TableDescription:table
RestoreTableToPointInTime TargetTableName! SourceTableArn SourceTableName UseLatestRestorableTime:boolean
  RestoreDateTime:time BillingModeOverride GlobalSecondaryIndexOverride:list LocalSecondaryIndexOverride:list
  ProvisionedThroughputOverride:table OnDemandThroughputOverride:table SSESpecificationOverride:table
  VectorIndexOverride:list -> TableDescription:table
Scan TableName! IndexName AttributesToGet:list Limit:integer Select ScanFilter:map ConditionalOperator
  ExclusiveStartKey:map ReturnConsumedCapacity TotalSegments:integer Segment:integer ProjectionExpression
  FilterExpression ExpressionAttributeNames:map ExpressionAttributeValues:map ConsistentRead:boolean -> Items:list
  Count:integer ScannedCount:integer LastEvaluatedKey:map ConsumedCapacity:table
SearchVectors TableName! IndexName! SearchVector:list! TopK:integer! ReturnConsumedCapacity
  ExpressionAttributeNames:map ExpressionAttributeValues:map ProjectionExpression SearchConditionExpression ->
  ConsumedCapacity:table SearchResults:list
StartBulkPutItems InputS3Configuration:table! OutputS3Configuration:table! TableName! ClientToken
  MaxWriteRequestUnits:integer PerformanceTier -> BulkOperationDescription:table
TagResource ResourceArn! Tags:list!
TransactGetItems TransactItems:list! ReturnConsumedCapacity -> ConsumedCapacity:list Responses:list
TransactWriteItems TransactItems:list! ReturnConsumedCapacity ReturnItemCollectionMetrics ClientRequestToken ->
  ConsumedCapacity:list ItemCollectionMetrics:map
UntagResource ResourceArn! TagKeys:list!
UpdateContinuousBackups TableName! PointInTimeRecoverySpecification:table! -> ContinuousBackupsDescription:table
UpdateContributorInsights TableName! ContributorInsightsAction! IndexName ContributorInsightsMode -> TableName
  IndexName ContributorInsightsStatus ContributorInsightsMode
UpdateGlobalTable GlobalTableName! ReplicaUpdates:list! -> GlobalTableDescription:table
UpdateGlobalTableSettings GlobalTableName! GlobalTableBillingMode GlobalTableProvisionedWriteCapacityUnits:integer
  GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate:table
  GlobalTableGlobalSecondaryIndexSettingsUpdate:list ReplicaSettingsUpdate:list -> GlobalTableName
  ReplicaSettings:list
UpdateItem TableName! Key:map! AttributeUpdates:map Expected:map ConditionalOperator ReturnValues
  ReturnConsumedCapacity ReturnItemCollectionMetrics UpdateExpression ConditionExpression ExpressionAttributeNames:map
  ExpressionAttributeValues:map ReturnValuesOnConditionCheckFailure -> Attributes:map ConsumedCapacity:table
  ItemCollectionMetrics:table
UpdateKinesisStreamingDestination TableName! StreamArn! UpdateKinesisStreamingConfiguration:table -> TableName
  StreamArn DestinationStatus UpdateKinesisStreamingConfiguration:table
UpdateTable TableName! AttributeDefinitions:list BillingMode ProvisionedThroughput:table
  GlobalSecondaryIndexUpdates:list StreamSpecification:table SSESpecification:table ReplicaUpdates:list TableClass
  DeletionProtectionEnabled:boolean MultiRegionConsistency GlobalTableWitnessUpdates:list OnDemandThroughput:table
  WarmThroughput:table GlobalTableSettingsReplicationMode DisassociationProtectionEnabled:boolean
  VectorIndexUpdates:list -> TableDescription:table
UpdateTableReplicaAutoScaling TableName! GlobalSecondaryIndexUpdates:list
  ProvisionedWriteCapacityAutoScalingUpdate:table ReplicaUpdates:list -> TableAutoScalingDescription:table
UpdateTimeToLive TableName! TimeToLiveSpecification:table! -> TimeToLiveSpecification:table
BackupType = USER SYSTEM AWS_BACKUP ALL
BillingMode = PROVISIONED PAY_PER_REQUEST
BillingModeOverride = PROVISIONED PAY_PER_REQUEST
ConditionalOperator = AND OR
ContributorInsightsAction = ENABLE DISABLE
ContributorInsightsMode = ACCESSED_AND_THROTTLED_KEYS THROTTLED_KEYS
ExportFormat = DYNAMODB_JSON ION
ExportType = FULL_EXPORT INCREMENTAL_EXPORT
GlobalTableBillingMode = PROVISIONED PAY_PER_REQUEST
GlobalTableSettingsReplicationMode = ENABLED DISABLED ENABLED_WITH_OVERRIDES
InputCompressionType = GZIP ZSTD NONE
InputFormat = DYNAMODB_JSON ION CSV
MultiRegionConsistency = EVENTUAL STRONG
PerformanceTier = STANDARD ACCELERATED
ReturnConsumedCapacity = INDEXES TOTAL NONE
ReturnItemCollectionMetrics = SIZE NONE
ReturnValues = NONE ALL_OLD UPDATED_OLD ALL_NEW UPDATED_NEW
ReturnValuesOnConditionCheckFailure = ALL_OLD NONE
S3SseAlgorithm = AES256 KMS
Select = ALL_ATTRIBUTES ALL_PROJECTED_ATTRIBUTES SPECIFIC_ATTRIBUTES COUNT
TableClass = STANDARD STANDARD_INFREQUENT_ACCESS
]]

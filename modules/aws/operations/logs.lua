--- Amazon CloudWatch Logs: its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, logs/2014-03-28; written by `./dev operations`.
return [[
AssociateKmsKey kmsKeyId! logGroupName resourceIdentifier
AssociateSourceToS3TableIntegration integrationArn! dataSource:table! -> identifier
CancelExportTask taskId!
CancelImportTask importId! -> importId importStatistics:table importStatus creationTime:integer
  lastUpdatedTime:integer
CreateDelivery deliverySourceName! deliveryDestinationArn! recordFields:list fieldDelimiter
  s3DeliveryConfiguration:table tags:map -> delivery:table
CreateExportTask logGroupName! from:integer! to:integer! destination! taskName logStreamNamePrefix destinationPrefix
  -> taskId
CreateImportTask importSourceArn! importRoleArn! importFilter:table -> importId importDestinationArn
  creationTime:integer
CreateLogAnomalyDetector logGroupArnList:list! detectorName evaluationFrequency filterPattern kmsKeyId
  anomalyVisibilityTime:integer tags:map -> anomalyDetectorArn
CreateLogGroup logGroupName! kmsKeyId tags:map logGroupClass deletionProtectionEnabled:boolean
CreateLogStream logGroupName! logStreamName!
CreateLookupTable lookupTableName! description tableBody queryId kmsKeyId tags:map -> lookupTableArn createdAt:integer
CreateScheduledQuery name! queryLanguage! queryString! scheduleExpression! executionRoleArn! description
  logGroupIdentifiers:list timezone startTimeOffset:integer endTimeOffset:integer destinationConfiguration:table
  scheduleStartTime:integer scheduleEndTime:integer state tags:map -> scheduledQueryArn state
DeleteAccountPolicy policyName! policyType! dryRun:boolean -> dryRunResult:table
DeleteDataProtectionPolicy logGroupIdentifier!
DeleteDelivery id!
DeleteDeliveryDestination name!
DeleteDeliveryDestinationPolicy deliveryDestinationName!
DeleteDeliverySource name!
DeleteDestination destinationName!
DeleteIndexPolicy logGroupIdentifier!
DeleteIntegration integrationName! force:boolean
DeleteLogAnomalyDetector anomalyDetectorArn!
DeleteLogGroup logGroupName!
DeleteLogStream logGroupName! logStreamName!
DeleteLookupTable lookupTableArn!
DeleteMetricFilter logGroupName! filterName!
DeleteQueryDefinition queryDefinitionId! -> success:boolean
DeleteResourcePolicy policyName resourceArn expectedRevisionId
DeleteRetentionPolicy logGroupName!
DeleteScheduledQuery identifier!
DeleteSubscriptionFilter logGroupName! filterName!
DeleteSyslogConfiguration logGroupIdentifier! vpcEndpointId
DeleteTransformer logGroupIdentifier!
DescribeAccountPolicies policyType! policyName accountIdentifiers:list nextToken -> accountPolicies:list nextToken
DescribeConfigurationTemplates service logTypes:list resourceTypes:list deliveryDestinationTypes:list nextToken
  limit:integer -> configurationTemplates:list nextToken
DescribeDeliveries nextToken limit:integer deliverySourceNames:list -> deliveries:list nextToken
DescribeDeliveryDestinations nextToken limit:integer names:list -> deliveryDestinations:list nextToken
DescribeDeliverySources nextToken limit:integer resourceArns:list -> deliverySources:list nextToken
DescribeDestinations DestinationNamePrefix nextToken limit:integer -> destinations:list nextToken
DescribeExportTasks taskId statusCode nextToken limit:integer -> exportTasks:list nextToken
DescribeFieldIndexes logGroupIdentifiers:list! indexCategories:list nextToken -> fieldIndexes:list nextToken
DescribeImportTaskBatches importId! batchImportStatus:list limit:integer nextToken -> importSourceArn importId
  importBatches:list nextToken
DescribeImportTasks importId importStatus importSourceArn limit:integer nextToken -> imports:list nextToken
DescribeIndexPolicies logGroupIdentifiers:list! nextToken -> indexPolicies:list nextToken
DescribeLogGroups accountIdentifiers:list logGroupNamePrefix logGroupNamePattern nextToken limit:integer
  includeLinkedAccounts:boolean logGroupClass logGroupIdentifiers:list -> logGroups:list nextToken
DescribeLogStreams logGroupName logGroupIdentifier logStreamNamePrefix orderBy descending:boolean nextToken
  limit:integer -> logStreams:list nextToken
DescribeLookupTables lookupTableNamePrefix maxResults:integer nextToken -> lookupTables:list nextToken
DescribeMetricFilters logGroupName filterNamePrefix nextToken limit:integer metricName metricNamespace ->
  metricFilters:list nextToken
DescribeQueries logGroupName status maxResults:integer nextToken queryLanguage -> queries:list nextToken
DescribeQueryDefinitions queryLanguage queryDefinitionNamePrefix maxResults:integer nextToken -> queryDefinitions:list
  nextToken
DescribeResourcePolicies nextToken limit:integer resourceArn policyScope -> resourcePolicies:list nextToken
DescribeSubscriptionFilters logGroupName! filterNamePrefix nextToken limit:integer -> subscriptionFilters:list
  nextToken
DisassociateKmsKey logGroupName resourceIdentifier
DisassociateSourceFromS3TableIntegration identifier! -> identifier
FilterLogEvents logGroupName logGroupIdentifier logStreamNames:list logStreamNamePrefix startTime:integer
  endTime:integer filterPattern nextToken limit:integer startFromHead:boolean interleaved:boolean unmask:boolean ->
  events:list searchedLogStreams:list nextToken
GetDataProtectionPolicy logGroupIdentifier! -> logGroupIdentifier policyDocument lastUpdatedTime:integer
GetDelivery id! -> delivery:table
GetDeliveryDestination name! -> deliveryDestination:table
GetDeliveryDestinationPolicy deliveryDestinationName! -> policy:table
GetDeliverySource name! -> deliverySource:table
GetIntegration integrationName! -> integrationName integrationType integrationStatus integrationDetails:table
GetLogAnomalyDetector anomalyDetectorArn! -> detectorName logGroupArnList:list evaluationFrequency filterPattern
  anomalyDetectorStatus kmsKeyId creationTimeStamp:integer lastModifiedTimeStamp:integer anomalyVisibilityTime:integer
GetLogEvents logStreamName! logGroupName logGroupIdentifier startTime:integer endTime:integer nextToken limit:integer
  startFromHead:boolean unmask:boolean -> events:list nextForwardToken nextBackwardToken
GetLogFields dataSourceName! dataSourceType! -> logFields:list
GetLogGroupFields logGroupName time:integer logGroupIdentifier -> logGroupFields:list
GetLogObject logObjectPointer! unmask:boolean -> fieldStream:table
GetLogRecord logRecordPointer! unmask:boolean -> logRecord:map
GetLookupTable lookupTableArn! -> lookupTableArn lookupTableName description tableBody sizeBytes:integer
  lastUpdatedTime:integer kmsKeyId
GetQueryResults queryId! nextToken maxItems:integer -> queryLanguage results:list statistics:table status
  encryptionKey nextToken
GetScheduledQuery identifier! -> scheduledQueryArn name description queryLanguage queryString logGroupIdentifiers:list
  scheduleExpression timezone startTimeOffset:integer endTimeOffset:integer destinationConfiguration:table state
  scheduleType lastTriggeredTime:integer lastExecutionStatus scheduleStartTime:integer scheduleEndTime:integer
  executionRoleArn creationTime:integer lastUpdatedTime:integer
GetScheduledQueryHistory identifier! startTime:integer! endTime:integer! executionStatuses:list maxResults:integer
  nextToken -> name scheduledQueryArn triggerHistory:list nextToken
GetStorageTierPolicy -> storageTier lastUpdatedTime:integer
GetTransformer logGroupIdentifier! -> logGroupIdentifier creationTime:integer lastModifiedTime:integer
  transformerConfig:list
ListAggregateLogGroupSummaries groupBy! accountIdentifiers:list includeLinkedAccounts:boolean logGroupClass
  logGroupNamePattern dataSources:list nextToken limit:integer -> aggregateLogGroupSummaries:list nextToken
ListAnomalies anomalyDetectorArn suppressionState limit:integer nextToken -> anomalies:list nextToken
ListIntegrations integrationNamePrefix integrationType integrationStatus -> integrationSummaries:list
ListLogAnomalyDetectors filterLogGroupArn limit:integer nextToken -> anomalyDetectors:list nextToken
ListLogGroups logGroupNamePattern logGroupClass includeLinkedAccounts:boolean accountIdentifiers:list nextToken
  limit:integer dataSources:list fieldIndexNames:list logGroupTags:list -> logGroups:list nextToken
ListLogGroupsForQuery queryId! nextToken maxResults:integer -> logGroupIdentifiers:list nextToken
ListScheduledQueries maxResults:integer nextToken state scheduleType -> nextToken scheduledQueries:list
ListSourcesForS3TableIntegration integrationArn! maxResults:integer nextToken -> sources:list nextToken
ListSyslogConfigurations logGroupIdentifier vpcEndpointId nextToken maxResults:integer -> syslogConfigurations:list
  nextToken
ListTagsForResource resourceArn! -> tags:map
ListTagsLogGroup logGroupName! -> tags:map
PutAccountPolicy policyName! policyDocument! policyType! scope selectionCriteria dryRun:boolean -> accountPolicy:table
  dryRunResult:table
PutBearerTokenAuthentication logGroupIdentifier! bearerTokenAuthenticationEnabled:boolean!
PutDataProtectionPolicy logGroupIdentifier! policyDocument! -> logGroupIdentifier policyDocument
  lastUpdatedTime:integer
PutDeliveryDestination name! outputFormat deliveryDestinationConfiguration:table deliveryDestinationType roleArn
  tags:map -> deliveryDestination:table
PutDeliveryDestinationPolicy deliveryDestinationName! deliveryDestinationPolicy! -> policy:table
PutDeliverySource name! resourceArn! logType! tags:map deliverySourceConfiguration:map -> deliverySource:table
PutDestination destinationName! targetArn! roleArn! tags:map -> destination:table
PutDestinationPolicy destinationName! accessPolicy! forceUpdate:boolean
PutIndexPolicy logGroupIdentifier! policyDocument! -> indexPolicy:table
PutIntegration integrationName! resourceConfig:table! integrationType! -> integrationName integrationStatus
PutLogEvents logGroupName! logStreamName! logEvents:list! sequenceToken entity:table -> nextSequenceToken
  rejectedLogEventsInfo:table rejectedEntityInfo:table
PutLogGroupDeletionProtection logGroupIdentifier! deletionProtectionEnabled:boolean!
PutMetricFilter logGroupName! filterName! filterPattern! metricTransformations:list! applyOnTransformedLogs:boolean
  fieldSelectionCriteria emitSystemFieldDimensions:list
PutQueryDefinition name! queryString! queryLanguage queryDefinitionId logGroupNames:list clientToken parameters:list
  -> queryDefinitionId
PutResourcePolicy policyName policyDocument resourceArn expectedRevisionId -> resourcePolicy:table revisionId
PutRetentionPolicy logGroupName! retentionInDays:integer!
PutStorageTierPolicy storageTier! -> storageTier lastUpdatedTime:integer
PutSubscriptionFilter logGroupName! filterName! filterPattern! destinationArn! roleArn distribution
  applyOnTransformedLogs:boolean fieldSelectionCriteria emitSystemFields:list
PutSyslogConfiguration logGroupIdentifier! vpcEndpointId
PutTransformer logGroupIdentifier! transformerConfig:list!
StartLiveTail logGroupIdentifiers:list! logStreamNames:list logStreamNamePrefixes:list logEventFilterPattern ->
  responseStream:table
StartQuery startTime:integer! endTime:integer! queryString! queryLanguage logGroupName logGroupNames:list
  logGroupIdentifiers:list limit:integer -> queryId
StopQuery queryId! -> success:boolean
TagLogGroup logGroupName! tags:map!
TagResource resourceArn! tags:map!
TestMetricFilter filterPattern! logEventMessages:list! -> matches:list
TestTransformer transformerConfig:list! logEventMessages:list! -> transformedLogs:list
UntagLogGroup logGroupName! tags:list!
UntagResource resourceArn! tagKeys:list!
UpdateAnomaly anomalyDetectorArn! anomalyId patternId suppressionType suppressionPeriod:table baseline:boolean
UpdateDeliveryConfiguration id! recordFields:list fieldDelimiter s3DeliveryConfiguration:table
UpdateLogAnomalyDetector anomalyDetectorArn! enabled:boolean! evaluationFrequency filterPattern
  anomalyVisibilityTime:integer
UpdateLookupTable lookupTableArn! description tableBody queryId kmsKeyId -> lookupTableArn lastUpdatedTime:integer
UpdateScheduledQuery identifier! queryLanguage! queryString! scheduleExpression! executionRoleArn! description
  logGroupIdentifiers:list timezone startTimeOffset:integer endTimeOffset:integer destinationConfiguration:table
  scheduleStartTime:integer scheduleEndTime:integer state -> scheduledQueryArn name description queryLanguage
  queryString logGroupIdentifiers:list scheduleExpression timezone startTimeOffset:integer endTimeOffset:integer
  destinationConfiguration:table state scheduleType lastTriggeredTime:integer lastExecutionStatus
  scheduleStartTime:integer scheduleEndTime:integer executionRoleArn creationTime:integer lastUpdatedTime:integer
deliveryDestinationType = S3 CWL FH XRAY
distribution = Random ByLogStream
evaluationFrequency = ONE_MIN FIVE_MIN TEN_MIN FIFTEEN_MIN THIRTY_MIN ONE_HOUR
groupBy = DATA_SOURCE_NAME_TYPE_AND_FORMAT DATA_SOURCE_NAME_AND_TYPE
importStatus = IN_PROGRESS CANCELLED COMPLETED FAILED
integrationStatus = PROVISIONING ACTIVE FAILED
integrationType = OPENSEARCH
logGroupClass = STANDARD INFREQUENT_ACCESS DELIVERY ESSENTIALS
orderBy = LogStreamName LastEventTime
outputFormat = json plain w3c raw parquet
policyScope = ACCOUNT RESOURCE
policyType = DATA_PROTECTION_POLICY SUBSCRIPTION_FILTER_POLICY FIELD_INDEX_POLICY TRANSFORMER_POLICY
  METRIC_EXTRACTION_POLICY RETENTION_POLICY
queryLanguage = CWLI SQL PPL
scheduleType = CUSTOMER_MANAGED AWS_MANAGED
scope = ALL
state = ENABLED DISABLED
status = Scheduled Running Complete Failed Cancelled Timeout Unknown
statusCode = CANCELLED COMPLETED FAILED PENDING PENDING_CANCEL RUNNING
storageTier = STANDARD INTELLIGENT_TIERING
suppressionState = SUPPRESSED UNSUPPRESSED
suppressionType = LIMITED INFINITE
]]

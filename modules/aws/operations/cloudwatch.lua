--- Amazon CloudWatch: its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, cloudwatch/2010-08-01; written by `./dev operations`.
return [[
AssociateDatasetKmsKey DatasetIdentifier! KmsKeyArn!
CreateResourceMetricsConfiguration ResourceArn! MetricSelections:list -> ResourceMetricsConfiguration:table
DeleteAlarmMuteRule AlarmMuteRuleName!
DeleteAlarms AlarmNames:list!
DeleteAnomalyDetector AnomalyDetectorId Namespace MetricName Dimensions:list Stat SingleMetricAnomalyDetector:table
  MetricMathAnomalyDetector:table
DeleteDashboards DashboardNames:list!
DeleteInsightRules RuleNames:list! -> Failures:list
DeleteMetricDataQueryDefinition Id!
DeleteMetricStream Name!
DeleteResourceMetricsConfiguration ResourceArn!
DescribeAlarmContributors AlarmName! NextToken -> AlarmContributors:list NextToken
DescribeAlarmHistory AlarmName AlarmContributorId AlarmTypes:list HistoryItemType StartDate:time EndDate:time
  MaxRecords:integer NextToken ScanBy -> AlarmHistoryItems:list NextToken
DescribeAlarms AlarmNames:list AlarmNamePrefix AlarmTypes:list ChildrenOfAlarmName ParentsOfAlarmName StateValue
  ActionPrefix MaxRecords:integer NextToken -> CompositeAlarms:list MetricAlarms:list LogAlarms:list NextToken
DescribeAlarmsForMetric MetricName! Namespace! Statistic ExtendedStatistic Dimensions:list Period:integer Unit ->
  MetricAlarms:list
DescribeAnomalyDetectors AnomalyDetectorIds:list NextToken MaxResults:integer Namespace MetricName Dimensions:list
  AnomalyDetectorTypes:list -> AnomalyDetectors:list NextToken
DescribeInsightRules NextToken MaxResults:integer -> NextToken InsightRules:list
DisableAlarmActions AlarmNames:list!
DisableInsightRules RuleNames:list! -> Failures:list
DisassociateDatasetKmsKey DatasetIdentifier!
EnableAlarmActions AlarmNames:list!
EnableInsightRules RuleNames:list! -> Failures:list
GetAlarmMuteRule AlarmMuteRuleName! -> Name AlarmMuteRuleArn Description Rule:table MuteTargets:table StartDate:time
  ExpireDate:time Status LastUpdatedTimestamp:time MuteType
GetDashboard DashboardName! -> DashboardArn DashboardBody DashboardName
GetDataset DatasetIdentifier! -> DatasetId Arn KmsKeyArn
GetInsightRuleReport RuleName! StartTime:time! EndTime:time! Period:integer! MaxContributorCount:integer Metrics:list
  OrderBy -> KeyLabels:list AggregationStatistic AggregateValue:number ApproximateUniqueCount:integer
  Contributors:list MetricDatapoints:list
GetMetricData MetricDataQueries:list! StartTime:time! EndTime:time! NextToken ScanBy MaxDatapoints:integer
  LabelOptions:table -> MetricDataResults:list NextToken Messages:list
GetMetricDataQueryDefinition Id! -> Id Arn Path Expression Type CreatedAt:time UpdatedAt:time
GetMetricStatistics Namespace! MetricName! StartTime:time! EndTime:time! Period:integer! Dimensions:list
  Statistics:list ExtendedStatistics:list Unit -> Label Datapoints:list
GetMetricStream Name! -> Arn Name IncludeFilters:list ExcludeFilters:list FirehoseArn RoleArn State CreationDate:time
  LastUpdateDate:time OutputFormat StatisticsConfigurations:list IncludeLinkedAccountsMetrics:boolean
GetMetricWidgetImage MetricWidget! OutputFormat -> MetricWidgetImage:blob
GetOTelEnrichment -> Status IncludeFilters:list ExcludeFilters:list CreatedAt:time UpdatedAt:time
GetResourceMetricsConfiguration ResourceArn! -> ResourceMetricsConfiguration:table
ListAlarmMuteRules AlarmName Statuses:list MaxRecords:integer NextToken -> AlarmMuteRuleSummaries:list NextToken
ListDashboards DashboardNamePrefix NextToken -> DashboardEntries:list NextToken
ListManagedInsightRules ResourceARN! NextToken MaxResults:integer -> ManagedRules:list NextToken
ListMetricDataQueryDefinitions MaxResults:integer NextToken -> Items:list NextToken
ListMetricStreams NextToken MaxResults:integer -> NextToken Entries:list
ListMetrics Namespace MetricName Dimensions:list NextToken RecentlyActive IncludeLinkedAccounts:boolean OwningAccount
  -> Metrics:list NextToken OwningAccounts:list
ListTagsForResource ResourceARN! -> Tags:list
PutAlarmMuteRule Name! Rule:table! Description MuteTargets:table Tags:list StartDate:time ExpireDate:time
PutAnomalyDetector Namespace MetricName Dimensions:list Stat Configuration:table MetricCharacteristics:table
  SingleMetricAnomalyDetector:table MetricMathAnomalyDetector:table -> AnomalyDetectorId
PutCompositeAlarm AlarmName! AlarmRule! ActionsEnabled:boolean AlarmActions:list AlarmDescription
  InsufficientDataActions:list OKActions:list Tags:list ActionsSuppressor ActionsSuppressorWaitPeriod:integer
  ActionsSuppressorExtensionPeriod:integer ActionConfiguration:table
PutDashboard DashboardName! DashboardBody! Tags:list -> DashboardValidationMessages:list
PutInsightRule RuleName! RuleDefinition! RuleState Tags:list ApplyOnTransformedLogs:boolean
PutLogAlarm AlarmName! ScheduledQueryConfiguration:table! QueryResultsToEvaluate:integer! QueryResultsToAlarm:integer!
  Threshold:number! ComparisonOperator! AlarmDescription ActionLogLineCount:integer ActionLogLineRoleArn
  ActionsEnabled:boolean OKActions:list AlarmActions:list InsufficientDataActions:list TreatMissingData Tags:list
  WarmUpConfiguration:table ActionConfiguration:table
PutManagedInsightRules ManagedRules:list! -> Failures:list
PutMetricAlarm AlarmName! AlarmDescription ActionsEnabled:boolean OKActions:list AlarmActions:list
  InsufficientDataActions:list MetricName Namespace Statistic ExtendedStatistic Dimensions:list Period:integer Unit
  EvaluationPeriods:integer DatapointsToAlarm:integer Threshold:number ComparisonOperator TreatMissingData
  EvaluateLowSampleCountPercentile Metrics:list Tags:list ThresholdMetricId EvaluationWindow:table
  WarmUpConfiguration:table EvaluationCriteria:table EvaluationInterval:integer ActionConfiguration:table
PutMetricData Namespace! MetricData:list EntityMetricData:list StrictEntityValidation:boolean
PutMetricDataQueryDefinition Path! Expression! Type! Id Tags:list -> Id Arn Path Expression Type CreatedAt:time
  UpdatedAt:time
PutMetricStream Name! FirehoseArn! RoleArn! OutputFormat! IncludeFilters:list ExcludeFilters:list Tags:list
  StatisticsConfigurations:list IncludeLinkedAccountsMetrics:boolean -> Arn
SetAlarmState AlarmName! StateValue! StateReason! StateReasonData
StartMetricStreams Names:list!
StartOTelEnrichment IncludeFilters:list ExcludeFilters:list -> IncludeFilters:list ExcludeFilters:list CreatedAt:time
  UpdatedAt:time
StopMetricStreams Names:list!
StopOTelEnrichment
TagResource ResourceARN! Tags:list!
UntagResource ResourceARN! TagKeys:list!
UpdateOTelEnrichment IncludeFilters:list ExcludeFilters:list -> IncludeFilters:list ExcludeFilters:list CreatedAt:time
  UpdatedAt:time
UpdateResourceMetricsConfiguration ResourceArn! MetricSelections:list -> ResourceMetricsConfiguration:table
ComparisonOperator = GreaterThanOrEqualToThreshold GreaterThanThreshold LessThanThreshold LessThanOrEqualToThreshold
  LessThanLowerOrGreaterThanUpperThreshold LessThanLowerThreshold GreaterThanUpperThreshold
HistoryItemType = ConfigurationUpdate StateUpdate Action AlarmContributorStateUpdate AlarmContributorAction
OutputFormat = json opentelemetry0.7 opentelemetry1.0
RecentlyActive = PT3H
ScanBy = TimestampDescending TimestampAscending
StateValue = OK ALARM INSUFFICIENT_DATA
Statistic = SampleCount Average Sum Minimum Maximum
Type = PROMQL SQL METRIC_MATH
]]

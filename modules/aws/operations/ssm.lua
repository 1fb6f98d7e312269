--- Amazon Simple Systems Manager (SSM): its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, ssm/2014-11-06; written by `./dev operations`.
return [[
AddTagsToResource ResourceType! ResourceId! Tags:list!
AssociateOpsItemRelatedItem OpsItemId! AssociationType! ResourceType! ResourceUri! -> AssociationId
CancelCommand CommandId! InstanceIds:list
CancelMaintenanceWindowExecution WindowExecutionId! -> WindowExecutionId
CreateActivation IamRole! Description DefaultInstanceName RegistrationLimit:integer ExpirationDate:time Tags:list
  RegistrationMetadata:list -> ActivationId ActivationCode
CreateAssociation Name! DocumentVersion InstanceId Parameters:map Targets:list ScheduleExpression OutputLocation:table
  AssociationName AutomationTargetParameterName MaxErrors MaxConcurrency ComplianceSeverity SyncCompliance
  ApplyOnlyAtCronInterval:boolean CalendarNames:list TargetLocations:list ScheduleOffset:integer Duration:integer
  TargetMaps:list Tags:list AlarmConfiguration:table AssociationDispatchAssumeRole -> AssociationDescription:table
CreateAssociationBatch Entries:list! AssociationDispatchAssumeRole -> Successful:list Failed:list
CreateCloudConnector DisplayName! RoleArn! Configuration:table! Description ConfigConnectorArn Tags:list ->
  CloudConnectorId
CreateDocument Content! Name! Requires:list Attachments:list DisplayName VersionName DocumentType DocumentFormat
  TargetType Tags:list -> DocumentDescription:table
CreateMaintenanceWindow Name! Schedule! Duration:integer! Cutoff:integer! AllowUnassociatedTargets:boolean!
  Description StartDate EndDate ScheduleTimezone ScheduleOffset:integer ClientToken Tags:list -> WindowId
CreateOpsItem Description! Source! Title! OpsItemType OperationalData:map Notifications:list Priority:integer
  RelatedOpsItems:list Tags:list Category Severity ActualStartTime:time ActualEndTime:time PlannedStartTime:time
  PlannedEndTime:time AccountId -> OpsItemId OpsItemArn
CreateOpsMetadata ResourceId! Metadata:map Tags:list -> OpsMetadataArn
CreatePatchBaseline Name! OperatingSystem GlobalFilters:table ApprovalRules:table ApprovedPatches:list
  ApprovedPatchesComplianceLevel ApprovedPatchesEnableNonSecurity:boolean RejectedPatches:list RejectedPatchesAction
  Description Sources:list AvailableSecurityUpdatesComplianceStatus ClientToken Tags:list -> BaselineId
CreateResourceDataSync SyncName! S3Destination:table SyncType SyncSource:table
DeleteActivation ActivationId!
DeleteAssociation Name InstanceId AssociationId
DeleteCloudConnector CloudConnectorId! -> CloudConnectorId
DeleteDocument Name! DocumentVersion VersionName Force:boolean
DeleteInventory TypeName! SchemaDeleteOption DryRun:boolean ClientToken -> DeletionId TypeName DeletionSummary:table
DeleteMaintenanceWindow WindowId! -> WindowId
DeleteOpsItem OpsItemId!
DeleteOpsMetadata OpsMetadataArn!
DeleteParameter Name!
DeleteParameters Names:list! -> DeletedParameters:list InvalidParameters:list
DeletePatchBaseline BaselineId! -> BaselineId
DeleteResourceDataSync SyncName! SyncType
DeleteResourcePolicy ResourceArn! PolicyId! PolicyHash! DeletionMode
DeregisterDefaultHostManagementConfiguration
DeregisterManagedInstance InstanceId!
DeregisterPatchBaselineForPatchGroup BaselineId! PatchGroup! -> BaselineId PatchGroup
DeregisterTargetFromMaintenanceWindow WindowId! WindowTargetId! Safe:boolean -> WindowId WindowTargetId
DeregisterTaskFromMaintenanceWindow WindowId! WindowTaskId! -> WindowId WindowTaskId
DescribeActivations Filters:list MaxResults:integer NextToken -> ActivationList:list NextToken
DescribeAssociation Name InstanceId AssociationId AssociationVersion -> AssociationDescription:table
DescribeAssociationExecutionTargets AssociationId! ExecutionId! Filters:list MaxResults:integer NextToken ->
  AssociationExecutionTargets:list NextToken
DescribeAssociationExecutions AssociationId! Filters:list MaxResults:integer NextToken -> AssociationExecutions:list
  NextToken
DescribeAutomationExecutions Filters:list MaxResults:integer NextToken -> AutomationExecutionMetadataList:list
  NextToken
DescribeAutomationStepExecutions AutomationExecutionId! Filters:list NextToken MaxResults:integer ReverseOrder:boolean
  -> StepExecutions:list NextToken
DescribeAvailablePatches Filters:list MaxResults:integer NextToken -> Patches:list NextToken
DescribeDocument Name! DocumentVersion VersionName -> Document:table
DescribeDocumentPermission Name! PermissionType! MaxResults:integer NextToken -> AccountIds:list
  AccountSharingInfoList:list NextToken
DescribeEffectiveInstanceAssociations InstanceId! MaxResults:integer NextToken -> Associations:list NextToken
DescribeEffectivePatchesForPatchBaseline BaselineId! MaxResults:integer NextToken -> EffectivePatches:list NextToken
DescribeInstanceAssociationsStatus InstanceId! MaxResults:integer NextToken -> InstanceAssociationStatusInfos:list
  NextToken
DescribeInstanceInformation InstanceInformationFilterList:list Filters:list MaxResults:integer NextToken ->
  InstanceInformationList:list NextToken
DescribeInstancePatchStates InstanceIds:list! NextToken MaxResults:integer -> InstancePatchStates:list NextToken
DescribeInstancePatchStatesForPatchGroup PatchGroup! Filters:list NextToken MaxResults:integer ->
  InstancePatchStates:list NextToken
DescribeInstancePatches InstanceId! Filters:list NextToken MaxResults:integer -> Patches:list NextToken
DescribeInstanceProperties InstancePropertyFilterList:list FiltersWithOperator:list MaxResults:integer NextToken ->
  InstanceProperties:list NextToken
DescribeInventoryDeletions DeletionId NextToken MaxResults:integer -> InventoryDeletions:list NextToken
DescribeMaintenanceWindowExecutionTaskInvocations WindowExecutionId! TaskId! Filters:list MaxResults:integer NextToken
  -> WindowExecutionTaskInvocationIdentities:list NextToken
DescribeMaintenanceWindowExecutionTasks WindowExecutionId! Filters:list MaxResults:integer NextToken ->
  WindowExecutionTaskIdentities:list NextToken
DescribeMaintenanceWindowExecutions WindowId! Filters:list MaxResults:integer NextToken -> WindowExecutions:list
  NextToken
DescribeMaintenanceWindowSchedule WindowId Targets:list ResourceType Filters:list MaxResults:integer NextToken ->
  ScheduledWindowExecutions:list NextToken
DescribeMaintenanceWindowTargets WindowId! Filters:list MaxResults:integer NextToken -> Targets:list NextToken
DescribeMaintenanceWindowTasks WindowId! Filters:list MaxResults:integer NextToken -> Tasks:list NextToken
DescribeMaintenanceWindows Filters:list MaxResults:integer NextToken -> WindowIdentities:list NextToken
DescribeMaintenanceWindowsForTarget Targets:list! ResourceType! MaxResults:integer NextToken -> WindowIdentities:list
  NextToken
DescribeOpsItems OpsItemFilters:list MaxResults:integer NextToken -> NextToken OpsItemSummaries:list
DescribeParameters Filters:list ParameterFilters:list MaxResults:integer NextToken Shared:boolean -> Parameters:list
  NextToken
DescribePatchBaselines Filters:list MaxResults:integer NextToken -> BaselineIdentities:list NextToken
DescribePatchGroupState PatchGroup! -> Instances:integer InstancesWithInstalledPatches:integer
  InstancesWithInstalledOtherPatches:integer InstancesWithInstalledPendingRebootPatches:integer
  InstancesWithInstalledRejectedPatches:integer InstancesWithMissingPatches:integer InstancesWithFailedPatches:integer
  InstancesWithNotApplicablePatches:integer InstancesWithUnreportedNotApplicablePatches:integer
  InstancesWithCriticalNonCompliantPatches:integer InstancesWithSecurityNonCompliantPatches:integer
  InstancesWithOtherNonCompliantPatches:integer InstancesWithAvailableSecurityUpdates:integer
DescribePatchGroups MaxResults:integer Filters:list NextToken -> Mappings:list NextToken
DescribePatchProperties OperatingSystem! Property! PatchSet MaxResults:integer NextToken -> Properties:list NextToken
DescribeSessions State! MaxResults:integer NextToken Filters:list -> Sessions:list NextToken
DisassociateOpsItemRelatedItem OpsItemId! AssociationId!
GetAccessToken AccessRequestId! -> Credentials:table AccessRequestStatus
GetAutomationExecution AutomationExecutionId! -> AutomationExecution:table
GetCalendarState CalendarNames:list! AtTime -> State AtTime NextTransitionTime
GetCloudConnector CloudConnectorId! -> CloudConnectorArn DisplayName Description RoleArn Configuration:table
  ConfigConnectorArn CreatedAt:time UpdatedAt:time
GetCommandInvocation CommandId! InstanceId! PluginName -> CommandId InstanceId Comment DocumentName DocumentVersion
  PluginName ResponseCode:integer ExecutionStartDateTime ExecutionElapsedTime ExecutionEndDateTime Status
  StatusDetails StandardOutputContent StandardOutputUrl StandardErrorContent StandardErrorUrl
  CloudWatchOutputConfig:table
GetConnectionStatus Target! -> Target Status
GetDefaultPatchBaseline OperatingSystem -> BaselineId OperatingSystem
GetDeployablePatchSnapshotForInstance InstanceId! SnapshotId! BaselineOverride:table UseS3DualStackEndpoint:boolean ->
  InstanceId SnapshotId SnapshotDownloadUrl Product
GetDocument Name! VersionName DocumentVersion DocumentFormat -> Name CreatedDate:time DisplayName VersionName
  DocumentVersion Status StatusInformation Content DocumentType DocumentFormat Requires:list AttachmentsContent:list
  ReviewStatus
GetExecutionPreview ExecutionPreviewId! -> ExecutionPreviewId EndedAt:time Status StatusMessage ExecutionPreview:table
GetInventory Filters:list Aggregators:list ResultAttributes:list NextToken MaxResults:integer -> Entities:list
  NextToken
GetInventorySchema TypeName NextToken MaxResults:integer Aggregator:boolean SubType:boolean -> Schemas:list NextToken
GetMaintenanceWindow WindowId! -> WindowId Name Description StartDate EndDate Schedule ScheduleTimezone
  ScheduleOffset:integer NextExecutionTime Duration:integer Cutoff:integer AllowUnassociatedTargets:boolean
  Enabled:boolean CreatedDate:time ModifiedDate:time
GetMaintenanceWindowExecution WindowExecutionId! -> WindowExecutionId TaskIds:list Status StatusDetails StartTime:time
  EndTime:time
GetMaintenanceWindowExecutionTask WindowExecutionId! TaskId! -> WindowExecutionId TaskExecutionId TaskArn ServiceRole
  Type TaskParameters:list Priority:integer MaxConcurrency MaxErrors Status StatusDetails StartTime:time EndTime:time
  AlarmConfiguration:table TriggeredAlarms:list
GetMaintenanceWindowExecutionTaskInvocation WindowExecutionId! TaskId! InvocationId! -> WindowExecutionId
  TaskExecutionId InvocationId ExecutionId TaskType Parameters Status StatusDetails StartTime:time EndTime:time
  OwnerInformation WindowTargetId
GetMaintenanceWindowTask WindowId! WindowTaskId! -> WindowId WindowTaskId Targets:list TaskArn ServiceRoleArn TaskType
  TaskParameters:map TaskInvocationParameters:table Priority:integer MaxConcurrency MaxErrors LoggingInfo:table Name
  Description CutoffBehavior AlarmConfiguration:table
GetOpsItem OpsItemId! OpsItemArn -> OpsItem:table
GetOpsMetadata OpsMetadataArn! MaxResults:integer NextToken -> ResourceId Metadata:map NextToken
GetOpsSummary SyncName Filters:list Aggregators:list ResultAttributes:list NextToken MaxResults:integer ->
  Entities:list NextToken
GetParameter Name! WithDecryption:boolean -> Parameter:table
GetParameterHistory Name! WithDecryption:boolean MaxResults:integer NextToken -> Parameters:list NextToken
GetParameters Names:list! WithDecryption:boolean -> Parameters:list InvalidParameters:list
GetParametersByPath Path! Recursive:boolean ParameterFilters:list WithDecryption:boolean MaxResults:integer NextToken
  -> Parameters:list NextToken
GetPatchBaseline BaselineId! -> BaselineId Name OperatingSystem GlobalFilters:table ApprovalRules:table
  ApprovedPatches:list ApprovedPatchesComplianceLevel ApprovedPatchesEnableNonSecurity:boolean RejectedPatches:list
  RejectedPatchesAction PatchGroups:list CreatedDate:time ModifiedDate:time Description Sources:list
  AvailableSecurityUpdatesComplianceStatus
GetPatchBaselineForPatchGroup PatchGroup! OperatingSystem -> BaselineId PatchGroup OperatingSystem
GetResourcePolicies ResourceArn! NextToken MaxResults:integer -> NextToken Policies:list
GetServiceSetting SettingId! -> ServiceSetting:table
LabelParameterVersion Name! Labels:list! ParameterVersion:integer -> InvalidLabels:list ParameterVersion:integer
ListAssociationVersions AssociationId! MaxResults:integer NextToken -> AssociationVersions:list NextToken
ListAssociations AssociationFilterList:list MaxResults:integer NextToken -> Associations:list NextToken
ListCloudConnectors MaxResults:integer NextToken Filters:list -> CloudConnectors:list NextToken
ListCommandInvocations CommandId InstanceId MaxResults:integer NextToken Filters:list Details:boolean ->
  CommandInvocations:list NextToken
ListCommands CommandId InstanceId MaxResults:integer NextToken Filters:list -> Commands:list NextToken
ListComplianceItems Filters:list ResourceIds:list ResourceTypes:list NextToken MaxResults:integer ->
  ComplianceItems:list NextToken
ListComplianceSummaries Filters:list NextToken MaxResults:integer -> ComplianceSummaryItems:list NextToken
ListDocumentMetadataHistory Name! Metadata! DocumentVersion NextToken MaxResults:integer -> Name DocumentVersion
  Author Metadata:table NextToken
ListDocumentVersions Name! MaxResults:integer NextToken -> DocumentVersions:list NextToken
ListDocuments DocumentFilterList:list Filters:list MaxResults:integer NextToken -> DocumentIdentifiers:list NextToken
ListInventoryEntries InstanceId! TypeName! Filters:list NextToken MaxResults:integer -> TypeName InstanceId
  SchemaVersion CaptureTime Entries:list NextToken
ListNodes SyncName Filters:list NextToken MaxResults:integer -> Nodes:list NextToken
ListNodesSummary Aggregators:list! SyncName Filters:list NextToken MaxResults:integer -> Summary:list NextToken
ListOpsItemEvents Filters:list MaxResults:integer NextToken -> NextToken Summaries:list
ListOpsItemRelatedItems OpsItemId Filters:list MaxResults:integer NextToken -> NextToken Summaries:list
ListOpsMetadata Filters:list MaxResults:integer NextToken -> OpsMetadataList:list NextToken
ListResourceComplianceSummaries Filters:list NextToken MaxResults:integer -> ResourceComplianceSummaryItems:list
  NextToken
ListResourceDataSync SyncType NextToken MaxResults:integer -> ResourceDataSyncItems:list NextToken
ListTagsForResource ResourceType! ResourceId! -> TagList:list
ModifyDocumentPermission Name! PermissionType! AccountIdsToAdd:list AccountIdsToRemove:list SharedDocumentVersion
PutComplianceItems ResourceId! ResourceType! ComplianceType! ExecutionSummary:table! Items:list! ItemContentHash
  UploadType
PutInventory InstanceId! Items:list! -> Message
PutParameter Name! Value! Description Type KeyId Overwrite:boolean AllowedPattern Tags:list Tier Policies DataType ->
  Version:integer Tier
PutResourcePolicy ResourceArn! Policy! PolicyId PolicyHash -> PolicyId PolicyHash
RegisterDefaultHostManagementConfiguration PermissionModel! RoleArn Overwrite:boolean -> RoleArn
RegisterDefaultPatchBaseline BaselineId! -> BaselineId
RegisterPatchBaselineForPatchGroup BaselineId! PatchGroup! -> BaselineId PatchGroup
RegisterTargetWithMaintenanceWindow WindowId! ResourceType! Targets:list! OwnerInformation Name Description
  ClientToken -> WindowTargetId
RegisterTaskWithMaintenanceWindow WindowId! TaskArn! TaskType! Targets:list ServiceRoleArn TaskParameters:map
  TaskInvocationParameters:table Priority:integer MaxConcurrency MaxErrors LoggingInfo:table Name Description
  ClientToken CutoffBehavior AlarmConfiguration:table -> WindowTaskId
RemoveTagsFromResource ResourceType! ResourceId! TagKeys:list!
ResetServiceSetting SettingId! -> ServiceSetting:table
ResumeSession SessionId! -> SessionId TokenValue StreamUrl
SendAutomationSignal AutomationExecutionId! SignalType! Payload:map
SendCommand DocumentName! InstanceIds:list Targets:list DocumentVersion DocumentHash DocumentHashType
  TimeoutSeconds:integer Comment Parameters:map OutputS3Region OutputS3BucketName OutputS3KeyPrefix MaxConcurrency
  MaxErrors ServiceRoleArn NotificationConfig:table CloudWatchOutputConfig:table AlarmConfiguration:table ->
  Command:table
StartAccessRequest Reason! Targets:list! Tags:list -> AccessRequestId
StartAssociationsOnce AssociationIds:list!
StartAutomationExecution DocumentName! DocumentVersion Parameters:map ClientToken Mode TargetParameterName
  Targets:list TargetMaps:list MaxConcurrency MaxErrors TargetLocations:list Tags:list AlarmConfiguration:table
  TargetLocationsURL -> AutomationExecutionId
StartChangeRequestExecution DocumentName! Runbooks:list! ScheduledTime:time DocumentVersion Parameters:map
  ChangeRequestName ClientToken AutoApprove:boolean Tags:list ScheduledEndTime:time ChangeDetails ->
  AutomationExecutionId
StartExecutionPreview DocumentName! DocumentVersion ExecutionInputs:table -> ExecutionPreviewId
StartSession Target! DocumentName Reason Parameters:map -> SessionId TokenValue StreamUrl
StopAutomationExecution AutomationExecutionId! Type
TerminateSession SessionId! -> SessionId
UnlabelParameterVersion Name! ParameterVersion:integer! Labels:list! -> RemovedLabels:list InvalidLabels:list
UpdateAssociation AssociationId! Parameters:map DocumentVersion ScheduleExpression OutputLocation:table Name
  Targets:list AssociationName AssociationVersion AutomationTargetParameterName MaxErrors MaxConcurrency
  ComplianceSeverity SyncCompliance ApplyOnlyAtCronInterval:boolean CalendarNames:list TargetLocations:list
  ScheduleOffset:integer Duration:integer TargetMaps:list AlarmConfiguration:table AssociationDispatchAssumeRole ->
  AssociationDescription:table
UpdateAssociationStatus Name! InstanceId! AssociationStatus:table! -> AssociationDescription:table
UpdateCloudConnector CloudConnectorId! DisplayName Configuration:table Description -> CloudConnectorId
UpdateDocument Content! Name! Attachments:list DisplayName VersionName DocumentVersion DocumentFormat TargetType ->
  DocumentDescription:table
UpdateDocumentDefaultVersion Name! DocumentVersion! -> Description:table
UpdateDocumentMetadata Name! DocumentReviews:table! DocumentVersion
UpdateMaintenanceWindow WindowId! Name Description StartDate EndDate Schedule ScheduleTimezone ScheduleOffset:integer
  Duration:integer Cutoff:integer AllowUnassociatedTargets:boolean Enabled:boolean Replace:boolean -> WindowId Name
  Description StartDate EndDate Schedule ScheduleTimezone ScheduleOffset:integer Duration:integer Cutoff:integer
  AllowUnassociatedTargets:boolean Enabled:boolean
UpdateMaintenanceWindowTarget WindowId! WindowTargetId! Targets:list OwnerInformation Name Description Replace:boolean
  -> WindowId WindowTargetId Targets:list OwnerInformation Name Description
UpdateMaintenanceWindowTask WindowId! WindowTaskId! Targets:list TaskArn ServiceRoleArn TaskParameters:map
  TaskInvocationParameters:table Priority:integer MaxConcurrency MaxErrors LoggingInfo:table Name Description
  Replace:boolean CutoffBehavior AlarmConfiguration:table -> WindowId WindowTaskId Targets:list TaskArn ServiceRoleArn
  TaskParameters:map TaskInvocationParameters:table Priority:integer MaxConcurrency MaxErrors LoggingInfo:table Name
  Description CutoffBehavior AlarmConfiguration:table
UpdateManagedInstanceRole InstanceId! IamRole!
UpdateOpsItem OpsItemId! Description OperationalData:map OperationalDataToDelete:list Notifications:list
  Priority:integer RelatedOpsItems:list Status Title Category Severity ActualStartTime:time ActualEndTime:time
  PlannedStartTime:time PlannedEndTime:time OpsItemArn
UpdateOpsMetadata OpsMetadataArn! MetadataToUpdate:map KeysToDelete:list -> OpsMetadataArn
UpdatePatchBaseline BaselineId! Name GlobalFilters:table ApprovalRules:table ApprovedPatches:list
  ApprovedPatchesComplianceLevel ApprovedPatchesEnableNonSecurity:boolean RejectedPatches:list RejectedPatchesAction
  Description Sources:list AvailableSecurityUpdatesComplianceStatus Replace:boolean -> BaselineId Name OperatingSystem
  GlobalFilters:table ApprovalRules:table ApprovedPatches:list ApprovedPatchesComplianceLevel
  ApprovedPatchesEnableNonSecurity:boolean RejectedPatches:list RejectedPatchesAction CreatedDate:time
  ModifiedDate:time Description Sources:list AvailableSecurityUpdatesComplianceStatus
UpdateResourceDataSync SyncName! SyncType! SyncSource:table!
UpdateServiceSetting SettingId! SettingValue!
ValidateCloudConnector CloudConnectorId! MaxResults:integer NextToken -> ValidationFindings:list NextToken
ApprovedPatchesComplianceLevel = CRITICAL HIGH MEDIUM LOW INFORMATIONAL UNSPECIFIED
AvailableSecurityUpdatesComplianceStatus = COMPLIANT NON_COMPLIANT
ComplianceSeverity = CRITICAL HIGH MEDIUM LOW UNSPECIFIED
CutoffBehavior = CONTINUE_TASK CANCEL_TASK
DeletionMode = RemoveSharing RollbackMigration
DocumentFormat = YAML JSON TEXT
DocumentHashType = Sha256 Sha1
DocumentType = Command Policy Automation Session Package ApplicationConfiguration ApplicationConfigurationSchema
  DeploymentStrategy ChangeCalendar Automation.ChangeTemplate ProblemAnalysis ProblemAnalysisTemplate CloudFormation
  ConformancePackTemplate QuickSetup ManualApprovalPolicy AutoApprovalPolicy
Metadata = DocumentReviews
Mode = Auto Interactive
OperatingSystem = WINDOWS AMAZON_LINUX AMAZON_LINUX_2 AMAZON_LINUX_2022 UBUNTU REDHAT_ENTERPRISE_LINUX SUSE CENTOS
  ORACLE_LINUX DEBIAN MACOS RASPBIAN ROCKY_LINUX ALMA_LINUX AMAZON_LINUX_2023
PatchSet = OS APPLICATION
PermissionModel = SERVICE_MANAGED SELF_MANAGED
PermissionType = Share
Property = PRODUCT PRODUCT_FAMILY CLASSIFICATION MSRC_SEVERITY PRIORITY SEVERITY
RejectedPatchesAction = ALLOW_AS_DEPENDENCY BLOCK
AddTagsToResource.ResourceType = Document ManagedInstance MaintenanceWindow Parameter PatchBaseline OpsItem
  OpsMetadata Automation Association CloudConnector
ListTagsForResource.ResourceType = Document ManagedInstance MaintenanceWindow Parameter PatchBaseline OpsItem
  OpsMetadata Automation Association CloudConnector
RemoveTagsFromResource.ResourceType = Document ManagedInstance MaintenanceWindow Parameter PatchBaseline OpsItem
  OpsMetadata Automation Association CloudConnector
DescribeMaintenanceWindowSchedule.ResourceType = INSTANCE RESOURCE_GROUP
DescribeMaintenanceWindowsForTarget.ResourceType = INSTANCE RESOURCE_GROUP
RegisterTargetWithMaintenanceWindow.ResourceType = INSTANCE RESOURCE_GROUP
SchemaDeleteOption = DisableSchema DeleteSchema
SignalType = Approve Reject StartStep StopStep Resume Revoke
State = Active History
Status = Open InProgress Resolved Pending TimedOut Cancelling Cancelled Failed CompletedWithSuccess
  CompletedWithFailure Scheduled RunbookInProgress PendingChangeCalendarOverride ChangeCalendarOverrideApproved
  ChangeCalendarOverrideRejected PendingApproval Approved Revoked Rejected Closed
SyncCompliance = AUTO MANUAL
TaskType = RUN_COMMAND AUTOMATION STEP_FUNCTIONS LAMBDA
Tier = Standard Advanced Intelligent-Tiering
PutParameter.Type = String StringList SecureString
StopAutomationExecution.Type = Complete Cancel
UploadType = COMPLETE PARTIAL
]]

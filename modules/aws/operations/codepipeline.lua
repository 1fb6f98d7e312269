--- AWS CodePipeline: its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, codepipeline/2015-07-09; written by `./dev operations`.
return [[
AcknowledgeJob jobId! nonce! -> status
AcknowledgeThirdPartyJob jobId! nonce! clientToken! -> status
CreateCustomActionType category! provider! version! inputArtifactDetails:table! outputArtifactDetails:table!
  settings:table configurationProperties:list tags:list -> actionType:table tags:list
CreatePipeline pipeline:table! tags:list -> pipeline:table tags:list
DeleteCustomActionType category! provider! version!
DeletePipeline name!
DeleteWebhook name!
DeregisterWebhookWithThirdParty webhookName
DisableStageTransition pipelineName! stageName! transitionType! reason!
EnableStageTransition pipelineName! stageName! transitionType!
GetActionType category! owner! provider! version! -> actionType:table
GetJobDetails jobId! -> jobDetails:table
GetPipeline name! version:integer -> pipeline:table metadata:table
GetPipelineExecution pipelineName! pipelineExecutionId! -> pipelineExecution:table
GetPipelineState name! -> pipelineName pipelineVersion:integer stageStates:list created:time updated:time
GetThirdPartyJobDetails jobId! clientToken! -> jobDetails:table
ListActionExecutions pipelineName! filter:table maxResults:integer nextToken -> actionExecutionDetails:list nextToken
ListActionTypes actionOwnerFilter nextToken regionFilter -> actionTypes:list nextToken
ListDeployActionExecutionTargets actionExecutionId! pipelineName filters:list maxResults:integer nextToken ->
  targets:list nextToken
ListPipelineExecutions pipelineName! maxResults:integer filter:table nextToken -> pipelineExecutionSummaries:list
  nextToken
ListPipelines nextToken maxResults:integer -> pipelines:list nextToken
ListRuleExecutions pipelineName! filter:table maxResults:integer nextToken -> ruleExecutionDetails:list nextToken
ListRuleTypes ruleOwnerFilter regionFilter -> ruleTypes:list
ListTagsForResource resourceArn! nextToken maxResults:integer -> tags:list nextToken
ListWebhooks NextToken MaxResults:integer -> webhooks:list NextToken
OverrideStageCondition pipelineName! stageName! pipelineExecutionId! conditionType!
PollForJobs actionTypeId:table! maxBatchSize:integer queryParam:map -> jobs:list
PollForThirdPartyJobs actionTypeId:table! maxBatchSize:integer -> jobs:list
PutActionRevision pipelineName! stageName! actionName! actionRevision:table! -> newRevision:boolean
  pipelineExecutionId
PutApprovalResult pipelineName! stageName! actionName! result:table! token! -> approvedAt:time
PutJobFailureResult jobId! failureDetails:table!
PutJobSuccessResult jobId! currentRevision:table continuationToken executionDetails:table outputVariables:map
PutThirdPartyJobFailureResult jobId! clientToken! failureDetails:table!
PutThirdPartyJobSuccessResult jobId! clientToken! currentRevision:table continuationToken executionDetails:table
PutWebhook webhook:table! tags:list -> webhook:table
RegisterWebhookWithThirdParty webhookName
RetryStageExecution pipelineName! stageName! pipelineExecutionId! retryMode! -> pipelineExecutionId
RollbackStage pipelineName! stageName! targetPipelineExecutionId! -> pipelineExecutionId
StartPipelineExecution name! variables:list clientRequestToken sourceRevisions:list -> pipelineExecutionId
StopPipelineExecution pipelineName! pipelineExecutionId! abandon:boolean reason -> pipelineExecutionId
TagResource resourceArn! tags:list!
UntagResource resourceArn! tagKeys:list!
UpdateActionType actionType:table!
UpdatePipeline pipeline:table! -> pipeline:table
actionOwnerFilter = AWS ThirdParty Custom
category = Source Build Deploy Test Invoke Approval Compute
conditionType = BEFORE_ENTRY ON_SUCCESS
retryMode = FAILED_ACTIONS ALL_ACTIONS
ruleOwnerFilter = AWS
transitionType = Inbound Outbound
]]

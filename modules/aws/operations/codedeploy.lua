--- AWS CodeDeploy: its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, codedeploy/2014-10-06; written by `./dev operations`.
return [[
AddTagsToOnPremisesInstances tags:list! instanceNames:list!
BatchGetApplicationRevisions applicationName! revisions:list! -> applicationName errorMessage revisions:list
BatchGetApplications applicationNames:list! -> applicationsInfo:list
BatchGetDeploymentGroups applicationName! deploymentGroupNames:list! -> deploymentGroupsInfo:list errorMessage
BatchGetDeploymentInstances deploymentId! instanceIds:list! -> instancesSummary:list errorMessage
BatchGetDeploymentTargets deploymentId! targetIds:list! -> deploymentTargets:list
BatchGetDeployments deploymentIds:list! -> deploymentsInfo:list
BatchGetOnPremisesInstances instanceNames:list! -> instanceInfos:list
ContinueDeployment deploymentId deploymentWaitType
CreateApplication applicationName! computePlatform tags:list -> applicationId
CreateDeployment applicationName! deploymentGroupName revision:table deploymentConfigName description
  ignoreApplicationStopFailures:boolean targetInstances:table autoRollbackConfiguration:table
  updateOutdatedInstancesOnly:boolean fileExistsBehavior deploymentMode overrideAlarmConfiguration:table
  ec2DeploymentOptions:table -> deploymentId
CreateDeploymentConfig deploymentConfigName! minimumHealthyHosts:table trafficRoutingConfig:table computePlatform
  zonalConfig:table -> deploymentConfigId
CreateDeploymentGroup applicationName! deploymentGroupName! serviceRoleArn! deploymentConfigName ec2TagFilters:list
  onPremisesInstanceTagFilters:list autoScalingGroups:list triggerConfigurations:list alarmConfiguration:table
  autoRollbackConfiguration:table outdatedInstancesStrategy deploymentStyle:table
  blueGreenDeploymentConfiguration:table loadBalancerInfo:table ec2TagSet:table ecsServices:list
  onPremisesTagSet:table tags:list ec2DeploymentOptions:table terminationHookEnabled:boolean -> deploymentGroupId
DeleteApplication applicationName!
DeleteDeploymentConfig deploymentConfigName!
DeleteDeploymentGroup applicationName! deploymentGroupName! -> hooksNotCleanedUp:list
DeleteGitHubAccountToken tokenName -> tokenName
DeleteResourcesByExternalId externalId
DeregisterOnPremisesInstance instanceName!
GetApplication applicationName! -> application:table
GetApplicationRevision applicationName! revision:table! -> applicationName revision:table revisionInfo:table
GetDeployment deploymentId! -> deploymentInfo:table
GetDeploymentConfig deploymentConfigName! -> deploymentConfigInfo:table
GetDeploymentGroup applicationName! deploymentGroupName! -> deploymentGroupInfo:table
GetDeploymentInstance deploymentId! instanceId! -> instanceSummary:table
GetDeploymentTarget deploymentId! targetId! -> deploymentTarget:table
GetOnPremisesInstance instanceName! -> instanceInfo:table
ListApplicationRevisions applicationName! sortBy sortOrder s3Bucket s3KeyPrefix deployed nextToken -> revisions:list
  nextToken
ListApplications nextToken -> applications:list nextToken
ListDeploymentConfigs nextToken -> deploymentConfigsList:list nextToken
ListDeploymentGroups applicationName! nextToken -> applicationName deploymentGroups:list nextToken
ListDeploymentInstances deploymentId! nextToken instanceStatusFilter:list instanceTypeFilter:list ->
  instancesList:list nextToken
ListDeploymentTargets deploymentId! nextToken targetFilters:map -> targetIds:list nextToken
ListDeployments applicationName deploymentGroupName externalId includeOnlyStatuses:list createTimeRange:table
  nextToken -> deployments:list nextToken
ListGitHubAccountTokenNames nextToken -> tokenNameList:list nextToken
ListOnPremisesInstances registrationStatus tagFilters:list nextToken -> instanceNames:list nextToken
ListTagsForResource ResourceArn! NextToken -> Tags:list NextToken
PutLifecycleEventHookExecutionStatus deploymentId lifecycleEventHookExecutionId status ->
  lifecycleEventHookExecutionId
RegisterApplicationRevision applicationName! revision:table! description
RegisterOnPremisesInstance instanceName! iamSessionArn iamUserArn
RemoveTagsFromOnPremisesInstances tags:list! instanceNames:list!
SkipWaitTimeForInstanceTermination deploymentId
StopDeployment deploymentId! autoRollbackEnabled:boolean -> status statusMessage
TagResource ResourceArn! Tags:list!
UntagResource ResourceArn! TagKeys:list!
UpdateApplication applicationName newApplicationName
UpdateDeploymentGroup applicationName! currentDeploymentGroupName! newDeploymentGroupName deploymentConfigName
  ec2TagFilters:list onPremisesInstanceTagFilters:list autoScalingGroups:list serviceRoleArn
  triggerConfigurations:list alarmConfiguration:table autoRollbackConfiguration:table outdatedInstancesStrategy
  deploymentStyle:table blueGreenDeploymentConfiguration:table loadBalancerInfo:table ec2TagSet:table ecsServices:list
  onPremisesTagSet:table ec2DeploymentOptions:table terminationHookEnabled:boolean -> hooksNotCleanedUp:list
computePlatform = Server Lambda ECS
deployed = include exclude ignore
deploymentMode = STANDARD RESTART
deploymentWaitType = READY_WAIT TERMINATION_WAIT
fileExistsBehavior = DISALLOW OVERWRITE RETAIN
outdatedInstancesStrategy = UPDATE IGNORE
registrationStatus = Registered Deregistered
sortBy = registerTime firstUsedTime lastUsedTime
sortOrder = ascending descending
status = Pending InProgress Succeeded Failed Skipped Unknown
]]

--- Amazon EC2 Container Service: its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, ecs/2014-11-13; written by `./dev operations`.
return [[
AssociateGatewayWithCluster gateway! cluster! -> gatewayArn clusterArn status
ContinueServiceDeployment serviceDeploymentArn! hookId! action -> serviceDeploymentArn
CreateCapacityProvider name! cluster autoScalingGroupProvider:table managedInstancesProvider:table tags:list ->
  capacityProvider:table
CreateCluster clusterName tags:list settings:list configuration:table capacityProviders:list
  defaultCapacityProviderStrategy:list serviceConnectDefaults:table -> cluster:table
CreateDaemon daemonName! daemonTaskDefinitionArn! capacityProviderArns:list! clusterArn deploymentConfiguration:table
  tags:list propagateTags enableECSManagedTags:boolean enableExecuteCommand:boolean clientToken critical:boolean ->
  daemonArn status createdAt:time deploymentArn
CreateExpressGatewayService infrastructureRoleArn! executionRoleArn serviceName cluster healthCheckPath
  primaryContainer:table taskRoleArn networkConfiguration:table cpu memory cpuArchitecture scalingTarget:table
  tags:list taskDefinitionArn -> service:table
CreateGateway name! infrastructureRoleArn! configuration:table! clientToken deletionProtection:boolean tags:list
  propagateTags -> gatewayArn name status
CreateService serviceName! cluster taskDefinition availabilityZoneRebalancing loadBalancers:list
  serviceRegistries:list desiredCount:integer clientToken launchType capacityProviderStrategy:list platformVersion
  role deploymentConfiguration:table placementConstraints:list placementStrategy:list networkConfiguration:table
  healthCheckGracePeriodSeconds:integer schedulingStrategy deploymentController:table tags:list
  enableECSManagedTags:boolean propagateTags enableExecuteCommand:boolean serviceConnectConfiguration:table
  volumeConfigurations:list vpcLatticeConfigurations:list gatewayConnectors:list monitoring:table -> service:table
CreateTaskSet service! cluster! taskDefinition! externalId networkConfiguration:table loadBalancers:list
  serviceRegistries:list launchType capacityProviderStrategy:list platformVersion scale:table clientToken tags:list ->
  taskSet:table
DeleteAccountSetting name! principalArn -> setting:table
DeleteAttributes attributes:list! cluster -> attributes:list
DeleteCapacityProvider capacityProvider! cluster -> capacityProvider:table
DeleteCluster cluster! -> cluster:table
DeleteDaemon daemonArn! -> daemonArn status createdAt:time updatedAt:time deploymentArn
DeleteDaemonTaskDefinition daemonTaskDefinition! -> daemonTaskDefinitionArn
DeleteExpressGatewayService serviceArn! -> service:table
DeleteGateway gateway! -> gatewayArn name status
DeleteService service! cluster force:boolean -> service:table
DeleteTaskDefinitions taskDefinitions:list! -> taskDefinitions:list failures:list
DeleteTaskSet cluster! service! taskSet! force:boolean -> taskSet:table
DeregisterContainerInstance containerInstance! cluster force:boolean -> containerInstance:table
DeregisterTaskDefinition taskDefinition! -> taskDefinition:table
DescribeCapacityProviders capacityProviders:list cluster include:list maxResults:integer nextToken ->
  capacityProviders:list failures:list nextToken
DescribeClusters clusters:list include:list -> clusters:list failures:list
DescribeContainerInstances containerInstances:list! cluster include:list -> containerInstances:list failures:list
DescribeDaemon daemonArn! -> daemon:table
DescribeDaemonDeployments daemonDeploymentArns:list! -> failures:list daemonDeployments:list
DescribeDaemonRevisions daemonRevisionArns:list! -> daemonRevisions:list failures:list
DescribeDaemonTaskDefinition daemonTaskDefinition! -> daemonTaskDefinition:table
DescribeExpressGatewayService serviceArn! include:list -> service:table
DescribeGateway gateway! -> gateway:table
DescribeGatewayResources gateway! maxResults:integer nextToken -> gatewayResources:table nextToken
DescribeGatewayRoute gatewayRouteArn! -> gatewayRoute:table
DescribeServiceDeployments serviceDeploymentArns:list! -> serviceDeployments:list failures:list
DescribeServiceRevisions serviceRevisionArns:list! -> serviceRevisions:list failures:list
DescribeServices services:list! cluster include:list -> services:list failures:list
DescribeTaskDefinition taskDefinition! include:list -> taskDefinition:table tags:list
DescribeTaskSets cluster! service! taskSets:list include:list -> taskSets:list failures:list
DescribeTasks tasks:list! cluster include:list -> tasks:list failures:list
DisassociateGatewayFromCluster gateway! cluster! -> gatewayArn clusterArn status
DiscoverPollEndpoint containerInstance cluster -> endpoint telemetryEndpoint serviceConnectEndpoint
ExecuteCommand command! interactive:boolean! task! cluster container -> clusterArn containerArn containerName
  interactive:boolean session:table taskArn
GetTaskProtection cluster! tasks:list -> protectedTasks:list failures:list
ListAccountSettings name value principalArn effectiveSettings:boolean nextToken maxResults:integer -> settings:list
  nextToken
ListAttributes targetType! cluster attributeName attributeValue nextToken maxResults:integer -> attributes:list
  nextToken
ListClusters nextToken maxResults:integer -> clusterArns:list nextToken
ListContainerInstances cluster filter nextToken maxResults:integer status -> containerInstanceArns:list nextToken
ListDaemonDeployments daemonArn! status:list createdAt:table maxResults:integer nextToken -> nextToken
  daemonDeployments:list
ListDaemonTaskDefinitions familyPrefix family revision status sort nextToken maxResults:integer ->
  daemonTaskDefinitions:list nextToken
ListDaemons clusterArn capacityProviderArns:list maxResults:integer nextToken -> daemonSummariesList:list nextToken
ListGatewayClusterAssociations gateway cluster status:list maxResults:integer nextToken ->
  gatewayClusterAssociations:list nextToken
ListGatewayRoutes gateway cluster service serviceContainerPortName status:list maxResults:integer nextToken ->
  gatewayRoutes:list nextToken
ListGateways names:list status:list maxResults:integer nextToken -> gateways:list nextToken
ListServiceDeployments service! cluster status:list createdAt:table nextToken maxResults:integer ->
  serviceDeployments:list nextToken
ListServices cluster nextToken maxResults:integer launchType schedulingStrategy resourceManagementType ->
  serviceArns:list nextToken
ListServicesByNamespace namespace! nextToken maxResults:integer -> serviceArns:list nextToken
ListTagsForResource resourceArn! -> tags:list
ListTaskDefinitionFamilies familyPrefix status nextToken maxResults:integer -> families:list nextToken
ListTaskDefinitions familyPrefix status sort nextToken maxResults:integer -> taskDefinitionArns:list nextToken
ListTasks cluster containerInstance family nextToken maxResults:integer startedBy serviceName desiredStatus launchType
  daemonName -> taskArns:list nextToken
PutAccountSetting name! value! principalArn -> setting:table
PutAccountSettingDefault name! value! -> setting:table
PutAttributes attributes:list! cluster -> attributes:list
PutClusterCapacityProviders cluster! capacityProviders:list! defaultCapacityProviderStrategy:list! -> cluster:table
RegisterContainerInstance cluster instanceIdentityDocument instanceIdentityDocumentSignature totalResources:list
  versionInfo:table containerInstanceArn attributes:list platformDevices:list tags:list -> containerInstance:table
RegisterDaemonTaskDefinition family! containerDefinitions:list! taskRoleArn executionRoleArn cpu memory volumes:list
  tags:list pidMode ipcMode -> daemonTaskDefinitionArn
RegisterTaskDefinition family! containerDefinitions:list! taskRoleArn executionRoleArn networkMode volumes:list
  placementConstraints:list requiresCompatibilities:list cpu memory tags:list pidMode ipcMode proxyConfiguration:table
  inferenceAccelerators:list ephemeralStorage:table runtimePlatform:table enableFaultInjection:boolean
  trustedExecutionConfiguration:table -> taskDefinition:table tags:list
RunTask taskDefinition! capacityProviderStrategy:list cluster count:integer enableECSManagedTags:boolean
  enableExecuteCommand:boolean group launchType networkConfiguration:table overrides:table placementConstraints:list
  placementStrategy:list platformVersion propagateTags referenceId startedBy tags:list clientToken
  volumeConfigurations:list -> tasks:list failures:list
StartTask containerInstances:list! taskDefinition! cluster enableECSManagedTags:boolean enableExecuteCommand:boolean
  group networkConfiguration:table overrides:table propagateTags referenceId startedBy tags:list
  volumeConfigurations:list -> tasks:list failures:list
StopServiceDeployment serviceDeploymentArn! stopType -> serviceDeploymentArn
StopTask task! cluster reason -> task:table
SubmitAttachmentStateChanges attachments:list! cluster -> acknowledgment
SubmitContainerStateChange cluster task containerName runtimeId status exitCode:integer reason networkBindings:list ->
  acknowledgment
SubmitTaskStateChange cluster task status reason containers:list attachments:list managedAgents:list
  pullStartedAt:time pullStoppedAt:time executionStoppedAt:time -> acknowledgment
TagResource resourceArn! tags:list!
UntagResource resourceArn! tagKeys:list!
UpdateCapacityProvider name! cluster autoScalingGroupProvider:table managedInstancesProvider:table ->
  capacityProvider:table
UpdateCluster cluster! settings:list configuration:table serviceConnectDefaults:table -> cluster:table
UpdateClusterSettings cluster! settings:list! -> cluster:table
UpdateContainerAgent containerInstance! cluster -> containerInstance:table
UpdateContainerInstancesState containerInstances:list! status! cluster -> containerInstances:list failures:list
UpdateDaemon daemonArn! daemonTaskDefinitionArn! capacityProviderArns:list! deploymentConfiguration:table
  propagateTags enableECSManagedTags:boolean enableExecuteCommand:boolean critical:boolean -> daemonArn status
  createdAt:time updatedAt:time deploymentArn
UpdateExpressGatewayService serviceArn! executionRoleArn healthCheckPath primaryContainer:table taskRoleArn
  networkConfiguration:table cpu memory cpuArchitecture scalingTarget:table taskDefinitionArn -> service:table
UpdateGateway gateway! infrastructureRoleArn deletionProtection:boolean configuration:table propagateTags ->
  gatewayArn name status
UpdateService service! cluster desiredCount:integer taskDefinition capacityProviderStrategy:list
  deploymentConfiguration:table availabilityZoneRebalancing networkConfiguration:table placementConstraints:list
  placementStrategy:list platformVersion forceNewDeployment:boolean healthCheckGracePeriodSeconds:integer
  deploymentController:table enableExecuteCommand:boolean enableECSManagedTags:boolean loadBalancers:list
  propagateTags serviceRegistries:list serviceConnectConfiguration:table volumeConfigurations:list
  vpcLatticeConfigurations:list gatewayConnectors:list monitoring:table -> service:table
UpdateServicePrimaryTaskSet cluster! service! primaryTaskSet! -> taskSet:table
UpdateTaskProtection cluster! tasks:list! protectionEnabled:boolean! expiresInMinutes:integer -> protectedTasks:list
  failures:list
UpdateTaskSet cluster! service! taskSet! scale:table! -> taskSet:table
action = ROLLBACK CONTINUE
availabilityZoneRebalancing = ENABLED DISABLED
cpuArchitecture = X86_64 ARM64
desiredStatus = RUNNING PENDING STOPPED
RegisterDaemonTaskDefinition.ipcMode = none shared
RegisterTaskDefinition.ipcMode = host task none
launchType = EC2 FARGATE EXTERNAL MANAGED_INSTANCES
name = serviceLongArnFormat taskLongArnFormat containerInstanceLongArnFormat awsvpcTrunking containerInsights
  fargateFIPSMode tagResourceAuthorization fargateTaskRetirementWaitPeriod guardDutyActivate defaultLogDriverMode
  fargateEventWindows
networkMode = bridge host awsvpc none
RegisterDaemonTaskDefinition.pidMode = none shared
RegisterTaskDefinition.pidMode = host task
CreateDaemon.propagateTags = DAEMON NONE
UpdateDaemon.propagateTags = DAEMON NONE
CreateGateway.propagateTags = NONE GATEWAY
UpdateGateway.propagateTags = NONE GATEWAY
CreateService.propagateTags = TASK_DEFINITION SERVICE NONE
RunTask.propagateTags = TASK_DEFINITION SERVICE NONE
StartTask.propagateTags = TASK_DEFINITION SERVICE NONE
UpdateService.propagateTags = TASK_DEFINITION SERVICE NONE
resourceManagementType = CUSTOMER ECS
revision = LAST_REGISTERED
schedulingStrategy = REPLICA DAEMON
sort = ASC DESC
ListContainerInstances.status = ACTIVE DRAINING REGISTERING DEREGISTERING REGISTRATION_FAILED
UpdateContainerInstancesState.status = ACTIVE DRAINING REGISTERING DEREGISTERING REGISTRATION_FAILED
ListDaemonTaskDefinitions.status = ACTIVE DELETE_IN_PROGRESS ALL
ListTaskDefinitionFamilies.status = ACTIVE INACTIVE ALL
ListTaskDefinitions.status = ACTIVE INACTIVE DELETE_IN_PROGRESS
stopType = ABORT ROLLBACK
targetType = container-instance
]]

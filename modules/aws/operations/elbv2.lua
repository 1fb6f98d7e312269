--- Elastic Load Balancing: its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, elbv2/2015-12-01; written by `./dev operations`.
return [[
AddListenerCertificates ListenerArn! Certificates:list! -> Certificates:list
AddTags ResourceArns:list! Tags:list!
AddTrustStoreRevocations TrustStoreArn! RevocationContents:list -> TrustStoreRevocations:list
CreateListener LoadBalancerArn! DefaultActions:list! Protocol Port:integer SslPolicy Certificates:list AlpnPolicy:list
  Tags:list MutualAuthentication:table -> Listeners:list
CreateLoadBalancer Name! Subnets:list SubnetMappings:list SecurityGroups:list Scheme Tags:list Type IpAddressType
  CustomerOwnedIpv4Pool EnablePrefixForIpv6SourceNat IpamPools:table -> LoadBalancers:list
CreateRule ListenerArn! Conditions:list! Priority:integer! Actions:list! Tags:list Transforms:list -> Rules:list
CreateTargetGroup Name! Protocol ProtocolVersion Port:integer VpcId HealthCheckProtocol HealthCheckPort
  HealthCheckEnabled:boolean HealthCheckPath HealthCheckIntervalSeconds:integer HealthCheckTimeoutSeconds:integer
  HealthyThresholdCount:integer UnhealthyThresholdCount:integer Matcher:table TargetType Tags:list IpAddressType
  TargetControlPort:integer -> TargetGroups:list
CreateTrustStore Name! CaCertificatesBundleS3Bucket! CaCertificatesBundleS3Key! CaCertificatesBundleS3ObjectVersion
  Tags:list -> TrustStores:list
DeleteListener ListenerArn!
DeleteLoadBalancer LoadBalancerArn!
DeleteRule RuleArn!
DeleteSharedTrustStoreAssociation TrustStoreArn! ResourceArn!
DeleteTargetGroup TargetGroupArn!
DeleteTrustStore TrustStoreArn!
DeregisterTargets TargetGroupArn! Targets:list!
DescribeAccountLimits Marker PageSize:integer -> Limits:list NextMarker
DescribeCapacityReservation LoadBalancerArn! -> LastModifiedTime:time DecreaseRequestsRemaining:integer
  MinimumLoadBalancerCapacity:table CapacityReservationState:list
DescribeListenerAttributes ListenerArn! -> Attributes:list
DescribeListenerCertificates ListenerArn! Marker PageSize:integer -> Certificates:list NextMarker
DescribeListeners LoadBalancerArn ListenerArns:list Marker PageSize:integer -> Listeners:list NextMarker
DescribeLoadBalancerAttributes LoadBalancerArn! -> Attributes:list
DescribeLoadBalancers LoadBalancerArns:list Names:list Marker PageSize:integer -> LoadBalancers:list NextMarker
DescribeRules ListenerArn RuleArns:list Marker PageSize:integer -> Rules:list NextMarker
DescribeSSLPolicies Names:list Marker PageSize:integer LoadBalancerType -> SslPolicies:list NextMarker
DescribeTags ResourceArns:list! -> TagDescriptions:list
DescribeTargetGroupAttributes TargetGroupArn! -> Attributes:list
DescribeTargetGroups LoadBalancerArn TargetGroupArns:list Names:list Marker PageSize:integer -> TargetGroups:list
  NextMarker
DescribeTargetHealth TargetGroupArn! Targets:list Include:list -> TargetHealthDescriptions:list
DescribeTrustStoreAssociations TrustStoreArn! Marker PageSize:integer -> TrustStoreAssociations:list NextMarker
DescribeTrustStoreRevocations TrustStoreArn! RevocationIds:list Marker PageSize:integer -> TrustStoreRevocations:list
  NextMarker
DescribeTrustStores TrustStoreArns:list Names:list Marker PageSize:integer -> TrustStores:list NextMarker
GetResourcePolicy ResourceArn! -> Policy
GetTrustStoreCaCertificatesBundle TrustStoreArn! -> Location
GetTrustStoreRevocationContent TrustStoreArn! RevocationId:integer! -> Location
ModifyCapacityReservation LoadBalancerArn! MinimumLoadBalancerCapacity:table ResetCapacityReservation:boolean ->
  LastModifiedTime:time DecreaseRequestsRemaining:integer MinimumLoadBalancerCapacity:table
  CapacityReservationState:list
ModifyIpPools LoadBalancerArn! IpamPools:table RemoveIpamPools:list -> IpamPools:table
ModifyListener ListenerArn! Port:integer Protocol SslPolicy Certificates:list DefaultActions:list AlpnPolicy:list
  MutualAuthentication:table -> Listeners:list
ModifyListenerAttributes ListenerArn! Attributes:list! -> Attributes:list
ModifyLoadBalancerAttributes LoadBalancerArn! Attributes:list! -> Attributes:list
ModifyRule RuleArn! Conditions:list Actions:list Transforms:list ResetTransforms:boolean -> Rules:list
ModifyTargetGroup TargetGroupArn! HealthCheckProtocol HealthCheckPort HealthCheckPath HealthCheckEnabled:boolean
  HealthCheckIntervalSeconds:integer HealthCheckTimeoutSeconds:integer HealthyThresholdCount:integer
  UnhealthyThresholdCount:integer Matcher:table -> TargetGroups:list
ModifyTargetGroupAttributes TargetGroupArn! Attributes:list! -> Attributes:list
ModifyTrustStore TrustStoreArn! CaCertificatesBundleS3Bucket! CaCertificatesBundleS3Key!
  CaCertificatesBundleS3ObjectVersion -> TrustStores:list
RegisterTargets TargetGroupArn! Targets:list!
RemoveListenerCertificates ListenerArn! Certificates:list!
RemoveTags ResourceArns:list! TagKeys:list!
RemoveTrustStoreRevocations TrustStoreArn! RevocationIds:list!
SetIpAddressType LoadBalancerArn! IpAddressType! -> IpAddressType
SetRulePriorities RulePriorities:list! -> Rules:list
SetSecurityGroups LoadBalancerArn! SecurityGroups:list! EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic ->
  SecurityGroupIds:list EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic
SetSubnets LoadBalancerArn! Subnets:list SubnetMappings:list IpAddressType EnablePrefixForIpv6SourceNat ->
  AvailabilityZones:list IpAddressType EnablePrefixForIpv6SourceNat
EnablePrefixForIpv6SourceNat = on off
EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic = on off
HealthCheckProtocol = HTTP HTTPS TCP TLS UDP TCP_UDP GENEVE QUIC TCP_QUIC
CreateLoadBalancer.IpAddressType = ipv4 dualstack dualstack-without-public-ipv4
SetIpAddressType.IpAddressType = ipv4 dualstack dualstack-without-public-ipv4
SetSubnets.IpAddressType = ipv4 dualstack dualstack-without-public-ipv4
CreateTargetGroup.IpAddressType = ipv4 ipv6
LoadBalancerType = application network gateway
Protocol = HTTP HTTPS TCP TLS UDP TCP_UDP GENEVE QUIC TCP_QUIC
Scheme = internet-facing internal
TargetType = instance ip lambda alb
Type = application network gateway
]]

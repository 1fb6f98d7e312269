--- AWS Security Token Service: its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, sts/2011-06-15; written by `./dev operations`.
return [[
AssumeRole RoleArn! RoleSessionName! PolicyArns:list Policy DurationSeconds:integer Tags:list TransitiveTagKeys:list
  ExternalId SerialNumber TokenCode SourceIdentity ProvidedContexts:list MinimumSessionTokenSize:integer ->
  Credentials:table AssumedRoleUser:table PackedPolicySize:integer SourceIdentity SessionTokenUtilization:integer
  SessionTokenSize:integer
AssumeRoleWithSAML RoleArn! PrincipalArn! SAMLAssertion! PolicyArns:list Policy DurationSeconds:integer
  MinimumSessionTokenSize:integer -> Credentials:table AssumedRoleUser:table PackedPolicySize:integer Subject
  SubjectType Issuer Audience NameQualifier SourceIdentity SessionTokenUtilization:integer SessionTokenSize:integer
AssumeRoleWithWebIdentity RoleArn! RoleSessionName! WebIdentityToken! ProviderId PolicyArns:list Policy
  DurationSeconds:integer MinimumSessionTokenSize:integer -> Credentials:table SubjectFromWebIdentityToken
  AssumedRoleUser:table PackedPolicySize:integer Provider Audience SourceIdentity SessionTokenUtilization:integer
  SessionTokenSize:integer
AssumeRoot TargetPrincipal! TaskPolicyArn:table! DurationSeconds:integer MinimumSessionTokenSize:integer ->
  Credentials:table SourceIdentity SessionTokenUtilization:integer SessionTokenSize:integer
DecodeAuthorizationMessage EncodedMessage! -> DecodedMessage
GetAccessKeyInfo AccessKeyId! -> Account
GetCallerIdentity -> UserId Account Arn
GetDelegatedAccessToken TradeInToken! -> Credentials:table PackedPolicySize:integer AssumedPrincipal
GetFederationToken Name! Policy PolicyArns:list DurationSeconds:integer Tags:list MinimumSessionTokenSize:integer ->
  Credentials:table FederatedUser:table PackedPolicySize:integer SessionTokenUtilization:integer
  SessionTokenSize:integer
GetSessionToken DurationSeconds:integer SerialNumber TokenCode MinimumSessionTokenSize:integer -> Credentials:table
  SessionTokenUtilization:integer SessionTokenSize:integer
GetWebIdentityToken Audience:list! SigningAlgorithm! DurationSeconds:integer Tags:list -> WebIdentityToken
  Expiration:time
]]

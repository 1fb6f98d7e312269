--- Amazon Simple Queue Service: its operations, what they take (`!`: has to be given) and what they give;
--- at the end, the words that a parameter may be.
---
--- Source: botocore 1.44.5, sqs/2012-11-05; written by `./dev operations`.
return [[
AddPermission QueueUrl! Label! AWSAccountIds:list! Actions:list!
CancelMessageMoveTask TaskHandle! -> ApproximateNumberOfMessagesMoved:integer
ChangeMessageVisibility QueueUrl! ReceiptHandle! VisibilityTimeout:integer!
ChangeMessageVisibilityBatch QueueUrl! Entries:list! -> Successful:list Failed:list
CreateQueue QueueName! Attributes:map tags:map -> QueueUrl
DeleteMessage QueueUrl! ReceiptHandle!
DeleteMessageBatch QueueUrl! Entries:list! -> Successful:list Failed:list
DeleteQueue QueueUrl!
GetQueueAttributes QueueUrl! AttributeNames:list -> Attributes:map
GetQueueUrl QueueName! QueueOwnerAWSAccountId -> QueueUrl
ListDeadLetterSourceQueues QueueUrl! NextToken MaxResults:integer -> queueUrls:list NextToken
ListMessageMoveTasks SourceArn! MaxResults:integer -> Results:list
ListQueueTags QueueUrl! -> Tags:map
ListQueues QueueNamePrefix NextToken MaxResults:integer -> QueueUrls:list NextToken
PurgeQueue QueueUrl!
ReceiveMessage QueueUrl! AttributeNames:list MessageSystemAttributeNames:list MessageAttributeNames:list
  MaxNumberOfMessages:integer VisibilityTimeout:integer WaitTimeSeconds:integer ReceiveRequestAttemptId ->
  Messages:list
RemovePermission QueueUrl! Label!
SendMessage QueueUrl! MessageBody! DelaySeconds:integer MessageAttributes:map MessageSystemAttributes:map
  MessageDeduplicationId MessageGroupId -> MD5OfMessageBody MD5OfMessageAttributes MD5OfMessageSystemAttributes
  MessageId SequenceNumber
SendMessageBatch QueueUrl! Entries:list! -> Successful:list Failed:list
SetQueueAttributes QueueUrl! Attributes:map!
StartMessageMoveTask SourceArn! DestinationArn MaxNumberOfMessagesPerSecond:integer -> TaskHandle
TagQueue QueueUrl! Tags:map!
UntagQueue QueueUrl! TagKeys:list!
]]

--- Amazon SQS: queues whose messages come back unless they are deleted. It speaks JSON 1.0, and the query protocol for
--- clients from before 2023.
---
--- Source of shapes and codes: botocore's model sqs/2012-11-05.
local digest = require "fairlead.digest"
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"
local xml = require "fairlead.world.aws.xml"

local M = {
  signing_name = "sqs",
  target = "AmazonSQS",
  json = "1.0",
  error_prefix = "com.amazonaws.sqs#",
  front_door_prefix = "com.amazon.coral.service#",
  query = true,
  version = "2012-11-05",
  namespace = "http://queue.amazonaws.com/doc/2012-11-05/",
  --- The older protocol's codes.
  query_codes = {
    QueueDoesNotExist = "AWS.SimpleQueueService.NonExistentQueue",
    ReceiptHandleIsInvalid = "ReceiptHandleIsInvalid",
    InvalidMessageContents = "InvalidMessageContents",
    MessageNotInflight = "AWS.SimpleQueueService.MessageNotInflight",
  },
  operations = {},
}

local RECEIVE_WAIT_MOST <const> = 20
local BODY_MOST <const> = 262144 -- bytes

function M.store()
  return { queues = {} }
end

--- Makes the queues that the fixture names.
---@param aws fairlead.world.AWS
---@param store table
---@param fixture {queues: string[]?} an environment's part
function M.create(aws, store, fixture)
  for _, name in ipairs(fixture.queues or {}) do
    M.create_queue(aws, store, name)
  end
end

---@class fairlead.world.aws.Queue
---@field name string
---@field store table
---@field messages fairlead.world.aws.Message[] in the order in which they were sent
---@field visibility number seconds for which a message is nobody else's once it was received

---@class fairlead.world.aws.Message
---@field id string
---@field body string
---@field sent_at number
---@field visible_at number
---@field received integer how many times

--- A queue of this name, new or the one that there is.
---@param aws fairlead.world.AWS
---@param store table
---@param name string
---@return fairlead.world.aws.Queue
function M.create_queue(aws, store, name)
  local queue = store.sqs.queues[name]
    or { name = name, store = store, created_at = aws.w.now, messages = {}, visibility = 30 }
  store.sqs.queues[name] = queue
  return queue
end

--- Sends a message, and tells the world: "message_sent".
---@param aws fairlead.world.AWS
---@param queue fairlead.world.aws.Queue
---@param body string
---@param delay number? seconds
---@return fairlead.world.aws.Message
function M.send(aws, queue, body, delay)
  local message = {
    id = aws.ids:text(32):gsub("^(%x%x%x%x%x%x%x%x)(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)", "%1-%2-%3-%4-"),
    body = body,
    sent_at = aws.w.now,
    visible_at = aws.w.now + (delay or 0),
    received = 0,
  }
  table.insert(queue.messages, message)
  aws.w:emit("message_sent", {
    queue = queue.name, body = body, id = message.id, at = aws.w.now, to = queue, message = message,
  })
  return message
end

--- A message is received: it is nobody else's for a while.
---@param aws fairlead.world.AWS
---@param queue fairlead.world.aws.Queue
---@param message fairlead.world.aws.Message
---@param visibility number? seconds; the queue's when not given
function M.take(aws, queue, message, visibility)
  message.received = message.received + 1
  message.first_received_at = message.first_received_at or aws.w.now
  message.visible_at = aws.w.now + (visibility or queue.visibility)
end

---@param queue fairlead.world.aws.Queue
---@param message fairlead.world.aws.Message
---@return boolean
function M.holds(queue, message)
  for _, held in ipairs(queue.messages) do
    if held == message then
      return true
    end
  end
  return false
end

---@param queue fairlead.world.aws.Queue
---@param message fairlead.world.aws.Message
function M.remove(queue, message)
  for i, held in ipairs(queue.messages) do
    if held == message then
      table.remove(queue.messages, i)
      return
    end
  end
end

--- This service's words for a member that is not there.
---@param call fairlead.world.aws.Call
---@param member string
function M.missing(call, member)
  call:fail("MissingParameter", ("The request must contain the parameter %s."):format(member))
end

local function no_queue(call)
  call:fail("QueueDoesNotExist", "The specified queue does not exist.")
end

local function find_queue(call, name, account)
  for _, store in ipairs(call:stores()) do
    local queue = store.sqs.queues[name]
    if queue and (not account or account == store.account) then
      return queue
    end
  end
  no_queue(call)
end

--- The queue of a URL `https://<host>/<account>/<name>`.
local function queue_at(call, url)
  local account, name = url:match "/(%d+)/([%w_.-]+)$"
  if not account then
    no_queue(call)
  end
  return find_queue(call, name, account)
end

local function queue_url(call, queue)
  local base = call.w.base_urls and call.w.base_urls.aws
    or ("https://sqs.%s.amazonaws.com"):format(queue.store.region)
  return ("%s/%s/%s"):format(base, queue.store.account, queue.name)
end

M.operations.GetQueueUrl = {
  input = { ["QueueName!"] = "string", QueueOwnerAWSAccountId = "string" },
  run = function(call, input)
    return { QueueUrl = queue_url(call, find_queue(call, input.QueueName, input.QueueOwnerAWSAccountId)) }
  end,
}

M.operations.ListQueues = {
  input = { QueueNamePrefix = "string", MaxResults = "integer", NextToken = "string" },
  run = function(call, input)
    local urls, prefix = {}, input.QueueNamePrefix or ""
    for _, store in ipairs(call:stores()) do
      for name, queue in sorted(store.sqs.queues) do
        if name:sub(1, #prefix) == prefix then
          urls[#urls + 1] = queue_url(call, queue)
        end
      end
    end
    return { QueueUrls = json.array(urls) }
  end,
}

M.operations.SendMessage = {
  input = {
    ["QueueUrl!"] = "string",
    ["MessageBody!"] = "string",
    DelaySeconds = "integer",
    MessageAttributes = { "map", { DataType = "string", StringValue = "string" } },
  },
  run = function(call, input)
    local queue = queue_at(call, input.QueueUrl)
    local body, delay = input.MessageBody, input.DelaySeconds or 0
    if #body == 0 then
      call:fail("MissingParameter", "The request must contain the parameter MessageBody.")
    elseif #body > BODY_MOST then
      call:fail(
        "InvalidParameterValue",
        ("One or more parameters are invalid. Reason: Message must be shorter than %d bytes."):format(BODY_MOST)
      )
    elseif body:find "[^\t\n\r\x20-\xff]" then
      call:fail("InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | "
        .. "#x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
    elseif delay < 0 or delay > 900 then
      call:fail("InvalidParameterValue", ("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must "
        .. "be >= 0 and <= 900."):format(delay))
    end
    local message = M.send(call.aws, queue, body, delay)
    return { MessageId = message.id, MD5OfMessageBody = digest.md5(body) }
  end,
}

local function between(call, name, value, low, high)
  if value and (value < low or value > high) then
    call:fail(
      "InvalidParameterValue",
      ("Value %d for parameter %s is invalid. Reason: Must be between %d and %d, if provided."):format(
        value,
        name,
        low,
        high
      )
    )
  end
end

local function attributes_of(message)
  return {
    SentTimestamp = ("%d"):format(math.floor(message.sent_at * 1000)),
    ApproximateReceiveCount = ("%d"):format(message.received),
    ApproximateFirstReceiveTimestamp = ("%d"):format(math.floor(message.first_received_at * 1000)),
  }
end

--- The names of a list as a set; "All" stands for all of them.
local function wanted_names(list, all)
  local wanted = {}
  for _, name in ipairs(list or {}) do
    for _, each in ipairs(name == "All" and all or { name }) do
      wanted[each] = true
    end
  end
  return wanted
end

local MESSAGE_ATTRIBUTES <const> = { "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp" }

M.operations.ReceiveMessage = {
  input = {
    ["QueueUrl!"] = "string",
    AttributeNames = { "list", "string" },
    MessageSystemAttributeNames = { "list", "string" },
    MaxNumberOfMessages = "integer",
    VisibilityTimeout = "integer",
    WaitTimeSeconds = "integer",
  },
  run = function(call, input)
    local queue = queue_at(call, input.QueueUrl)
    between(call, "MaxNumberOfMessages", input.MaxNumberOfMessages, 1, 10)
    between(call, "WaitTimeSeconds", input.WaitTimeSeconds, 0, RECEIVE_WAIT_MOST)
    between(call, "VisibilityTimeout", input.VisibilityTimeout, 0, 43200)
    local wanted = wanted_names(input.AttributeNames or input.MessageSystemAttributeNames, MESSAGE_ATTRIBUTES)
    local messages = {}
    for _, message in ipairs(queue.messages) do
      if message.visible_at <= call.now and #messages < (input.MaxNumberOfMessages or 1) then
        M.take(call.aws, queue, message, input.VisibilityTimeout)
        message.handle = digest.base64(("%s %d"):format(message.id, message.received))
        local attributes = {}
        for name, value in pairs(attributes_of(message)) do
          attributes[name] = wanted[name] and value or nil
        end
        messages[#messages + 1] = {
          MessageId = message.id,
          ReceiptHandle = message.handle,
          MD5OfBody = digest.md5(message.body),
          Body = message.body,
          Attributes = next(attributes) and attributes or nil,
        }
      end
    end
    if #messages == 0 then
      call:hold(input.WaitTimeSeconds or 0)
    end
    return { Messages = #messages > 0 and json.array(messages) or nil }
  end,
}

--- The message of a receipt handle; nil: it is not there any more.
local function message_of(call, queue, handle)
  local plain = digest.unbase64(handle)
  local id = plain and plain:match "^(%S+) %d+$"
  if not id then
    call:fail("ReceiptHandleIsInvalid", ("The input receipt handle \"%s\" is not a valid receipt handle."):format(
      handle
    ))
  end
  for _, message in ipairs(queue.messages) do
    if message.id == id then
      return message
    end
  end
  return nil
end

M.operations.DeleteMessage = {
  input = { ["QueueUrl!"] = "string", ["ReceiptHandle!"] = "string" },
  run = function(call, input)
    local queue = queue_at(call, input.QueueUrl)
    local message = message_of(call, queue, input.ReceiptHandle)
    if message then
      M.remove(queue, message)
    end
    return {}
  end,
}

M.operations.ChangeMessageVisibility = {
  input = { ["QueueUrl!"] = "string", ["ReceiptHandle!"] = "string", ["VisibilityTimeout!"] = "integer" },
  run = function(call, input)
    local queue = queue_at(call, input.QueueUrl)
    between(call, "VisibilityTimeout", input.VisibilityTimeout, 0, 43200)
    local message = message_of(call, queue, input.ReceiptHandle)
    if not message then
      call:fail("InvalidParameterValue", ("Value %s for parameter ReceiptHandle is invalid. Reason: Message does not "
        .. "exist or is not available for visibility timeout change."):format(input.ReceiptHandle))
    elseif message.visible_at <= call.now then
      call:fail("MessageNotInflight", "The specified message isn't in flight.")
    end
    message.visible_at = call.now + input.VisibilityTimeout
    return {}
  end,
}

local QUEUE_ATTRIBUTES <const> = {
  "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed",
  "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn", "VisibilityTimeout",
}

M.operations.GetQueueAttributes = {
  input = { ["QueueUrl!"] = "string", AttributeNames = { "list", "string" } },
  run = function(call, input)
    local queue = queue_at(call, input.QueueUrl)
    local visible, in_flight, delayed = 0, 0, 0
    for _, message in ipairs(queue.messages) do
      if message.visible_at <= call.now then
        visible = visible + 1
      elseif message.received > 0 then
        in_flight = in_flight + 1
      else
        delayed = delayed + 1
      end
    end
    local created = ("%d"):format(math.floor(queue.created_at))
    local values = {
      ApproximateNumberOfMessages = tostring(visible),
      ApproximateNumberOfMessagesNotVisible = tostring(in_flight),
      ApproximateNumberOfMessagesDelayed = tostring(delayed),
      CreatedTimestamp = created,
      LastModifiedTimestamp = created,
      QueueArn = ("arn:aws:sqs:%s:%s:%s"):format(queue.store.region, queue.store.account, queue.name),
      VisibilityTimeout = tostring(queue.visibility),
    }
    local attributes = {}
    for name in pairs(wanted_names(input.AttributeNames, QUEUE_ATTRIBUTES)) do
      if not values[name] then
        call:fail("InvalidAttributeName", ("Unknown Attribute %s."):format(name))
      end
      attributes[name] = values[name]
    end
    return { Attributes = next(attributes) and attributes or nil }
  end,
}

--- Members of the query protocol that are numbers.
local NUMBERS <const> = { DelaySeconds = 1, MaxNumberOfMessages = 1, VisibilityTimeout = 1, WaitTimeSeconds = 1 }

--- The input in a form's parameters: `AttributeName.1=…` is a list's first item.
---@param pairs_sent string[][]
---@return table
function M.read_query(pairs_sent)
  local input = {}
  for _, pair in ipairs(pairs_sent) do
    local name, value = pair[1], pair[2]
    local list = name:match "^(AttributeName)%.%d+$"
    if list then
      input.AttributeNames = input.AttributeNames or {}
      table.insert(input.AttributeNames, value)
    else
      input[name] = NUMBERS[name] and math.tointeger(tonumber(value)) or value
    end
  end
  return input
end

local function attributes_xml(attributes)
  local out = {}
  for name, value in sorted(attributes) do
    out[#out + 1] = "<Attribute>" .. xml.element("Name", name) .. xml.element("Value", value) .. "</Attribute>"
  end
  return table.concat(out)
end

--- The XML of an operation's output, whose lists and maps are flat.
---@param operation string
---@param output table
---@return string
function M.write_query(operation, output)
  local out = {}
  for _, url in ipairs(operation == "ListQueues" and output.QueueUrls or {}) do
    out[#out + 1] = xml.element("QueueUrl", url)
  end
  for _, message in ipairs(output.Messages or {}) do
    out[#out + 1] = "<Message>"
    for _, name in ipairs { "MessageId", "ReceiptHandle", "MD5OfBody", "Body" } do
      out[#out + 1] = xml.element(name, message[name])
    end
    out[#out + 1] = attributes_xml(message.Attributes) .. "</Message>"
  end
  out[#out + 1] = attributes_xml(output.Attributes)
  for _, name in ipairs { "QueueUrl", "MessageId", "MD5OfMessageBody" } do
    out[#out + 1] = output[name] and xml.element(name, output[name])
  end
  return table.concat(out)
end

return M

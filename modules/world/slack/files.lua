--- The simulated Slack's uploads: a place is asked for, the file is sent there, then it is shared.
--- Source: Slack's developer documentation, "Working with files".
local json = require "fairlead.json"
local messages = require "fairlead.world.slack.messages"

local M = {}

--- Takes a file that is sent to the address that files.getUploadURLExternal gave.
---@param slack fairlead.world.Slack
---@param id string
---@param request fairlead.world.Request
---@return integer status
---@return string body
function M.receive(slack, id, request)
  local upload = slack.uploads[id]
  if not upload or upload.content then
    return 404, "Not Found"
  end
  local content = request.body
  local boundary = (request.header("content-type") or ""):match("^multipart/form%-data;.*boundary=\"?([^\";]+)\"?")
  if boundary then
    local escaped = boundary:gsub("%p", "%%%0")
    content = content:match("\r\n\r\n(.*)\r\n%-%-" .. escaped) or content
  end
  if #content ~= upload.length then
    return 400, ("Bad Request - expected %d bytes, got %d"):format(upload.length, #content)
  end
  upload.content = content
  return 200, "OK - " .. #content
end

---@param slack fairlead.world.Slack
function M.add(slack)
  local api = require "fairlead.world.slack"
  local refuse = slack.refuse

  slack.methods["files.getUploadURLExternal"] = {
    scope = "files:write",
    call = function(arguments)
      api.require(arguments, "filename", "length")
      local length = math.tointeger(tonumber(arguments.length))
      if not length or length < 1 then
        refuse("invalid_arguments")
      end
      local id = "F0" .. slack.random:text(9, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
      slack.uploads[id] = { id = id, name = arguments.filename, length = length }
      local base = slack.world.base_urls.slack:gsub("/api$", "")
      if base == "https://slack.com" then
        base = "https://files.slack.com"
      end
      return { upload_url = ("%s/upload/v1/%s"):format(base, id), file_id = id }
    end,
  }

  slack.methods["files.completeUploadExternal"] = {
    scope = "files:write",
    call = function(arguments)
      api.require(arguments, "files")
      local list = {}
      for i, file in ipairs(arguments.files) do
        local upload = type(file) == "table" and slack.uploads[file.id]
        if not upload or not upload.content then
          refuse("file_not_found")
        end
        list[i] = {
          id = upload.id,
          name = upload.name,
          title = file.title or upload.name,
          size = upload.length,
          permalink = ("https://%s.slack.com/files/%s/%s"):format(
            slack.fixture.domain or "workspace",
            slack.me.id,
            upload.id
          ),
        }
      end
      if arguments.channel_id then
        local channel = slack:channel(tostring(arguments.channel_id)) or refuse("channel_not_found")
        if not channel.is_member then
          refuse("not_in_channel")
        end
        local parent = arguments.thread_ts and slack:find(channel, tostring(arguments.thread_ts))
        if arguments.thread_ts and not parent then
          refuse("thread_not_found")
        end
        local item = slack:post(channel, slack.me, { text = arguments.initial_comment, files = list })
        if parent then
          messages.join_thread(item, parent.parent or parent)
        end
      end
      return { files = json.array(list) }
    end,
  }
end

return M

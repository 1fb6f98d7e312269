--- The bot that tells of CodeDeploy's deployments: one message for each deployment, edited as it goes on. A rollback is
--- told under the id of the deployment that it takes back.
local M = {}

local EMOJI <const> = { completed = ":white_check_mark:", failed = ":no_entry_sign:" }

local function blocks_of(told)
  local lines = {}
  for i, event in ipairs(told.events) do
    lines[i] = ("%s %s"):format(os.date("!%H:%M:%S", math.floor(event.at)), event.text)
  end
  local last = told.events[#told.events].text
  return {
    {
      type = "header",
      text = {
        type = "plain_text",
        emoji = true,
        text = ("%s Deploying %s to %s environment"):format(
          EMOJI[last] or ":hourglass_flowing_sand:",
          told.application,
          told.environment
        ),
      },
    },
    { type = "section", text = { type = "mrkdwn", text = table.concat(lines, "\n") } },
    { type = "context", elements = { { type = "mrkdwn", text = ("<%s|%s>, type %s"):format(
      told.link, told.id, told.kind) } } },
  }
end

--- Makes the bot and lets it listen.
---@param slack fairlead.world.Slack
function M.new(slack)
  local world = slack.world
  local channel = slack.fixture.deployments_channel and slack:channel(slack.fixture.deployments_channel)
    or slack.channels[1]
  if not channel then
    return
  end
  local bot = slack:add_bot("DeployBot")
  local deployments = {}
  world:on("deployment", function(event)
    local told = deployments[event.id]
    local shown = event.rollback_of or event.id
    if not told then
      told = {
        id = shown,
        kind = event.rollback_of and "rollback" or "deployment",
        application = event.application,
        environment = event.environment,
        link = ("https://%s.console.aws.amazon.com/codesuite/codedeploy/deployments/%s?region=%s"):format(
          event.region or "eu-west-2",
          event.id,
          event.region or "eu-west-2"
        ),
        events = {},
      }
      deployments[event.id] = told
    end
    table.insert(told.events, { at = event.at, text = event.event })
    local text = ("%s %s for %s (%s)"):format(
      event.rollback_of and "Rollback" or "Deployment",
      shown,
      event.application,
      event.event
    )
    if told.message then
      told.message.text, told.message.blocks = text, blocks_of(told)
      told.message.edited = { user = bot.id, ts = slack:new_ts() }
    else
      told.message = slack:post(channel, bot, { text = text, blocks = blocks_of(told) })
    end
  end)
end

return M

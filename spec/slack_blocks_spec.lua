-- Block Kit's helpers: whatever they are given, Slack takes what they give.
local blocks = require "fairlead.slack".blocks
local json = require "fairlead.json"
local slack = require "fairlead.slack"
local valid = require "fairlead.world.slack.blocks"

local LONG <const> = ("é&<>"):rep(5000)

local function accepted(list)
  assert.is_true(valid.are_valid(json.decode(json.encode(list))), json.encode(list):sub(1, 300))
  return list
end

describe("slack.blocks", function()
  it("gives what Slack takes, however long the texts are", function()
    local rows, lines, buttons, texts = {}, {}, {}, {}
    for i = 1, 60 do
      rows[i], buttons[i], texts[i] = { LONG, LONG }, blocks.button { text = LONG, value = LONG }, LONG
      lines[i] = ("line %d "):format(i) .. ("x"):rep(2000)
    end
    accepted(blocks.list {
      blocks.header(LONG), blocks.section(LONG, blocks.button { text = "Open", url = "https://example.com/" }),
      blocks.fields(rows), blocks.context(table.unpack(texts)), blocks.divider(), blocks.actions(buttons),
      blocks.image { url = "https://example.com/a.png", alt = LONG, title = LONG }, blocks.sections(lines),
      blocks.code(lines, 3),
    })
  end)

  it("cuts between characters, escapes and links", function()
    local function of(text) return blocks.section(text).text.text end
    assert.equal(3000, utf8.len(of(("é"):rep(4000))))
    assert.equal(("x"):rep(2997) .. "…", of(("x"):rep(2997) .. slack.escape "&&&&"))
    assert.equal(("x"):rep(2990) .. "…", of(("x"):rep(2990) .. blocks.link("https://example.com/a/long/one", "it")))
    assert.equal("short", of "short")
  end)

  it("says how much it left out", function()
    local lines = {}
    for i = 1, 30 do lines[i] = ("line %d "):format(i) .. ("x"):rep(1400) end
    local sections = blocks.sections(lines, 4)
    assert.equal(4, #sections)
    assert.equal("… and 24 more", sections[4].text.text)
    assert.equal(15, #blocks.sections(lines))
    local many = {}
    for i = 1, 70 do many[i] = blocks.divider() end
    local list = accepted(blocks.list { many })
    assert.equal(50, #list)
    assert.equal("… and 21 more", list[50].elements[1].text)
  end)

  it("writes links, mentions and times as Slack reads them", function()
    assert.equal("<https://example.com/?a=1&amp;b=%7C|text>", blocks.link("https://example.com/?a=1&b=|", "text"))
    assert.equal("<https://example.com/>", blocks.link "https://example.com/")
    assert.equal("<@U012AB3CD>", blocks.mention "U012AB3CD")
    assert.equal("<!subteam^S012AB3CD>", blocks.mention "S012AB3CD")
    assert.equal("<#C012AB3CD>", blocks.mention "C012AB3CD")
    assert.is_nil(blocks.mention "somebody")
    assert.equal("<!date^1772442000^{time}|09:00 UTC>", blocks.date(1772442000.5))
    assert.equal("<!date^1772442000^{date} at {time}|2026-03-02 09:00 UTC>",
      blocks.date(1772442000, "{date} at {time}"))
  end)

  it("cannot be broken out of by a line of a log", function()
    local code = blocks.code { "before", "``` <!channel>", "after" }
    assert.equal("```\nbefore\n''' <!channel>\nafter\n```", code[1].text.text)
  end)

  it("tells who gives it the wrong thing", function()
    assert.error_matches(function() blocks.header() end, "blocks.header. %(text: non%-empty text expected, got nil")
    assert.error_matches(function() blocks.section "" end, "got none")
    assert.error_matches(function() blocks.fields {} end, "at least one")
    assert.error_matches(function() blocks.actions {} end, "list of buttons expected")
    assert.error_matches(function() blocks.button { text = "x", url = ("x"):rep(3001) } end, "at most 3000")
  end)
end)

describe("the simulated Slack", function()
  it("refuses blocks that Slack would refuse", function()
    for _, wrong in ipairs {
      { type = "section" }, { type = "section", text = { type = "mrkdwn", text = ("x"):rep(3001) } },
      { type = "section", text = { type = "markdown", text = "x" } }, { type = "section", fields = {} },
      { type = "header", text = { type = "mrkdwn", text = "x" } }, { type = "context", elements = {} },
      { type = "image", image_url = "https://example.com/" }, { type = "actions", elements = { { type = "button" } } },
      { text = "x" },
    } do
      assert.is_false(valid.are_valid { wrong }, json.encode(wrong))
    end
    local many = {}
    for i = 1, 51 do many[i] = blocks.divider() end
    assert.is_false(valid.are_valid(many))
  end)
end)

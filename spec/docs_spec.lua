-- The pages in docs/: their commands run, their scripts are checked, their links lead somewhere, and the reference is
-- what the annotations say now.
local check = require "fairlead.check"
local cli = require "fairlead.cli"
local lfs = require "lfs"
local process = require "fairlead.process"
local program = require "spec.support.program"

local PAGES <const> = { "README", "first-procedure", "settings", "gates-and-locks", "rehearsing-and-testing",
  "aws", "github-actions", "repl-on-real-services", "debugging" }

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

-- The fenced blocks of a page: {language=, text=, line=}.
local function blocks_of(text)
  local blocks, block, number = {}, nil, 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    local language = line:match "^```(%w*)$"
    if language and not block then
      block = { language = language, lines = {}, line = number }
    elseif language then
      block.text = table.concat(block.lines, "\n") .. "\n"
      blocks[#blocks + 1], block = block, nil
    elseif block then
      block.lines[#block.lines + 1] = line
    end
  end
  assert(not block, "a block does not end")
  return blocks
end

-- A script that is named in its first line, "-- grants.lua"; nil: a part of one.
local function named(block)
  local name, text = block.text:match "^%-%- ([%w_-]+%.lua)\n(.*)$"
  return name, text
end

-- Carries out a page in an empty folder: its scripts are written, its commands run, in their order.
local function follow(page, folder)
  local environment = {
    PATH = program.path:match "^(.*)/[^/]*$" .. ":" .. os.getenv "PATH", FAIRLEAD_STATE = folder.path .. "/.state",
    FAIRLEAD_STRESS_GC = false, -- the modules' own specs do that
  }
  for _, block in ipairs(blocks_of(read("docs/" .. page .. ".md"))) do
    if block.language == "sh" then
      local result = process.run { "sh", "-euc", block.text, cwd = folder.path, env = environment, timeout = 300 }
      assert.equal(0, result.code, ("docs/%s.md:%d\n%s%s"):format(page, block.line, result.stdout, result.stderr))
    elseif block.language == "lua" and named(block) then
      local name, text = named(block)
      local there = io.open(folder.path .. "/" .. name)
      if there then -- shown again: it has to be what is there
        assert.equal(there:read "a", text, name .. " is not what the page shows")
        there:close()
      else
        folder:write(name, text)
      end
    end
  end
end

describe("docs", function()
  for _, page in ipairs(PAGES) do
    describe(page .. ".md", function()
      local text = read("docs/" .. page .. ".md")

      it("can be followed, command for command", function()
        local folder <close> = program.folder()
        follow(page, folder)
      end)

      it("shows Lua that could be run", function()
        for _, block in ipairs(blocks_of(text)) do
          if block.language == "lua" and not named(block) then
            local chunk, problem = load(block.text, "=docs/" .. page .. ".md")
            assert(chunk, problem)
          end
        end
      end)

      it("names commands that there are", function()
        local known = {}
        for _, name in ipairs(cli.commands) do known[name] = true end
        for name in text:gmatch "[`\n ]fairlead (%l+)" do
          assert.is_true(known[name] == true, "there is no `fairlead " .. name .. "`")
        end
      end)

      it("has links that lead somewhere", function()
        for link in text:gmatch "%]%(([^)#]+)" do
          if not link:find "^https?:" then
            assert.is_truthy(lfs.attributes("docs/" .. link, "mode"), link)
          end
        end
      end)
    end)
  end

  it("tells of every setting that the release library reads", function()
    local known = {}
    for name in read("docs/reference/settings.md"):gmatch "\n| `([%a_]+)%??` |" do known[name] = true end
    local paths = process.run({ "find", "scripts/release", "scripts/release.lua", "-name", "*.lua" }):check().stdout
    for path in paths:gmatch "[^\n]+" do
      for name in read(path):gmatch "[%.% (]settings%.([%a_]+)" do
        assert.is_true(known[name] or name == "lua", ("%s reads settings.%s"):format(path, name))
      end
    end
  end)

  it("has a reference that says what the annotations say: `./dev docs` writes it again", function()
    local folder <close> = program.folder()
    process.run({ program.path, "docs/generate.lua", folder.path }):check()
    local compared = process.run { "diff", "-r", "docs/reference", folder.path }
    assert.equal("", compared.stdout)
  end)

  it("has a generator without a mistake", function()
    assert.same({}, check.files({ "docs/generate.lua" }).findings)
  end)
end)

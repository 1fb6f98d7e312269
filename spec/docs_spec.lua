-- The pages in docs/: their commands run, their scripts are checked, their links lead somewhere, and the reference is
-- what the annotations say now.
local check = require "fairlead.check"
local cli = require "fairlead.cli"
local lfs = require "lfs"
local process = require "fairlead.process"
local program = require "spec.support.program"

local pages = require "spec.support.pages"

local read <const>, blocks_of <const>, named <const> = pages.read, pages.blocks_of, pages.named

-- Those with transcripts have a spec of their own for following them (spec/docs_transcripts_spec.lua).
local PAGES <const> = { "README", "first-procedure", "settings", "gates-and-locks", "rehearsing-and-testing",
  "aws", "github-actions", "repl", "repl-debugging", "repl-a-release", "repl-on-real-services" }

describe("docs", function()
  for _, page in ipairs(PAGES) do
    describe(page .. ".md", function()
      local text = read("docs/" .. page .. ".md")

      if not pages.with_transcripts[page] then
        it("can be followed, command for command", function() pages.follow(page) end)
      end

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

  it("has generators without a mistake", function()
    assert.same({}, check.files({ "docs/generate.lua", "docs/transcripts.lua" }).findings)
  end)
end)

-- Completion and help as somebody meets them who types.
local program = require "spec.support.program"
local sessions = require "spec.support.terminal_session"

describe("at a terminal", function()
  local folder, session

  before_each(function()
    folder = program.folder()
    session = sessions.start { program.path, "repl", "--world",
      env = { FAIRLEAD_STATE = folder.path, HOME = folder.path, USER = "ada", NO_COLOR = "1" } }
    session:expect "world> "
  end)
  after_each(function()
    session:close()
    getmetatable(folder).__close(folder)
  end)

  it("Tab completes names, options, and what an AWS client can do", function()
    session:type "json.dec\t"
    session:expect "world> json.decode"
    session:line ' "[1, 2]"'
    session:expect_pattern "\n{ 1, 2 }\nworld> $"
    session:type 'http.get("https://lighthouse.example.com/", { timeo\t'
    session:expect_pattern "timeout = $"
    session:type "10 }).sta\t"
    session:expect_pattern "timeout = 10 }%).status$"
    session:key "enter"
    session:expect_pattern "\n200\nworld> $"
    session:line 'local ecs = aws.session { region = "eu-west-2" }:client "ecs"'
    session:expect_pattern 'client "ecs"\nworld> $'
    session:type "ecs:ListClu\t"
    session:expect_pattern "ecs:ListClusters$"
    session:type " {}.clus\t"
    session:expect_pattern "ecs:ListClusters {}.clusterArns$"
  end)

  it("Tab twice lists what there is", function()
    session:type "json.\t\t"
    session:expect "decode(text, options?)"
    session:expect "encode(value?, options?)"
  end)

  it("Tab knows the lines before, of a chunk that is not whole", function()
    session:line "do local clock_of_mine = 1"
    session:expect "   .. "
    session:type "print(clock_of\t"
    session:expect_pattern "print%(clock_of_mine$"
  end)

  it("a question mark explains, and its example runs", function()
    session:line "?json.decode"
    session:expect "json.decode(text, options?)"
    session:expect "print(value.jobs[1].name) --> lint"
    session:expect_pattern "\nworld> $"
    session:line "?json.decod"
    session:expect "did you mean json.decode?"
  end)
end)

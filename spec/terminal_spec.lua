local process = require "fairlead.process"
local program = require "spec.support.program"
local screens = require "spec.support.screen"
local terminal = require "fairlead.terminal"

-- What a script of this text prints when its standard input is what a shell command writes.
local function fed(command, script)
  local folder <close> = program.folder()
  local path = folder:write("script.lua", [[
    local clock, task, terminal = require "fairlead.clock", require "fairlead.task", require "fairlead.terminal"
  ]] .. script)
  local result = process.run { "sh", "-c", command .. ' | "$0" "$1"', program.path, path, timeout = 30 }
  assert.equal("", result.stderr)
  return result.stdout
end

local ALL <const> = [[
  for line in terminal.read_line do io.write("<", line, ">") end
]]

describe("terminal.read_line", function()
  it("gives line after line without their ends, then nil", function()
    assert.equal("<one><><two>", fed("printf 'one\\n\\ntwo\\r\\n'", ALL))
    assert.equal("<one><no end>", fed("printf 'one\\nno end'", ALL))
    assert.equal("", fed("printf ''", ALL))
  end)

  it("puts a line together that comes in pieces", function()
    assert.equal("<abc><d>", fed("(printf a; sleep 0.1; printf 'b'; sleep 0.1; printf 'c\\nd\\n')", ALL))
  end)

  it("gives what is longer than 64 KiB in parts", function()
    assert.equal("65536 4464 3 nil\n", fed("(head -c 70000 /dev/zero | tr '\\0' x; printf '\\nend\\n')", [[
      local function length(line) return line and #line end
      print(length(terminal.read_line()), length(terminal.read_line()), length(terminal.read_line()),
        length(terminal.read_line()))
    ]]):gsub("\t", " "))
  end)

  it("reads files and /dev/null", function()
    local folder <close> = program.folder()
    local script = folder:write("script.lua", [[
      local terminal = require "fairlead.terminal"
      print(terminal.read_line(), terminal.read_line(), terminal.read_line())
    ]])
    local input = folder:write("input", "one\ntwo")
    local function from(path)
      return process.run({ "sh", "-c", '"$0" "$1" < "$2"', program.path, script, path }):check().stdout
    end
    assert.equal("one\ttwo\tnil\n", from(input))
    assert.equal("nil\tnil\tnil\n", from "/dev/null")
  end)

  it("lets other tasks go on, gives up after its timeout, and loses nothing by it", function()
    assert.equal("ticks 3, timeout, late\n", fed("(sleep 0.5; echo late)", [[
      local ticks = 0
      task.all {
        function() for _ = 1, 3 do clock.sleep(0.02) ticks = ticks + 1 end end,
        function()
          local _, err = try(terminal.read_line, 0.1)
          io.write(("ticks %d, %s, "):format(ticks, err.kind))
        end,
      }
      print(terminal.read_line(5))
    ]]))
  end)

  it("is for one task at a time", function()
    assert.matches("another task is reading already", fed("sleep 0.2", [[
      local _, err = try(task.all, { terminal.read_line, terminal.read_line })
      print(err.message)
    ]]))
  end)

  it("leaves standard input as it was: it blocks for whoever shares it", function()
    assert.equal("<one>\nblocking\n", fed("(echo one; sleep 0.3; echo two)", [[
      io.write("<", terminal.read_line(), ">\n")
      local flags = io.open("/proc/self/fdinfo/0"):read("a"):match "flags:%s*(%d+)"
      print(tonumber(flags, 8) & 2048 == 0 and "blocking" or "not blocking") -- O_NONBLOCK, asm-generic/fcntl.h
    ]]))
  end)

  it("takes typed lines from a terminal, and can be interrupted there", function()
    local folder <close> = program.folder()
    local screen <close> = screens.start(60, 10, { program.path, folder:write("script.lua", [[
      local terminal = require "fairlead.terminal"
      print(terminal.is_tty(0), terminal.is_tty(1), terminal.size())
      print("got " .. terminal.read_line())
      terminal.read_line()
    ]]) })
    screen:wait "true +true +60 +10\n"
    screen:type "hello"
    screen:wait "got hello"
    screen:interrupt()
    screen:wait "%[ended 130%]"
  end)
end)

describe("a terminal's size", function()
  it("is nil where there is no terminal", function()
    local folder <close> = program.folder()
    local path = folder:write("script.lua", [[
      local terminal = require "fairlead.terminal"
      print(terminal.is_tty(1), terminal.size(), terminal.size(99))
    ]])
    assert.equal("false\tnil\tnil\n", program.run({ path }).stdout)
    assert.is_false(terminal.is_tty(99))
  end)
end)

-- An installation as its users have it: put into a temporary prefix, moved elsewhere, and used from there by a script,
-- by a C program that embeds the host and by a native module.
local process = require "fairlead.process"

-- The build tree that this very program comes from: its own library's place says so.
local function build_tree()
  for line in io.lines "/proc/self/maps" do
    local tree = line:match "(/.*)/lib/libfairlead%.so"
    if tree then return tree end
  end
  error "libfairlead.so is not mapped"
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local function run(options)
  options.timeout = options.timeout or 120
  return process.run(options):check()
end

-- A program that embeds a sanitized library has to be built with the same sanitizers.
local function sanitizer_flags(tree)
  for line in io.lines(tree .. "/CMakeCache.txt") do
    local names = line:match "^FAIRLEAD_SANITIZE:STRING=(.+)$"
    if names then return "-fsanitize=" .. names end
  end
  return ""
end

local SCRIPT <const> = [[
local weather = require "weather"
local clock = require "fairlead.clock"
clock.sleep(0.001)
print(("%s: %d knots"):format(arg[1], weather.wind(arg[1])))
if arg[2] then weather.wind "" end
]]

local DISK <const> = [[
local disk = require "disk"
local task = require "fairlead.task"
local rooms = task.all { here = function() return disk.room "/" end, there = function() return disk.room(arg[0]) end }
assert(math.type(rooms.here) == "integer" and math.type(rooms.there) == "integer")
local _, missing = try(disk.room, "/no/such/folder")
print(missing.kind, missing)
local winner = task.race { function() return disk.room "/" end, function() return "the other was first" end }
print(winner)
print(select(2, pcall(table.sort, { 1, 2 }, function() return disk.room "/" > 0 end)))
]]

describe("an installation", function()
  local tree, root, prefix, flags

  setup(function()
    tree = build_tree()
    flags = sanitizer_flags(tree)
    root = run({ "mktemp", "-d" }).stdout:gsub("\n$", "")
    run { "cmake", "--install", tree, "--prefix", root .. "/first" }
    prefix = root .. "/moved"
    assert(os.rename(root .. "/first", prefix)) -- where it was installed to must not matter
    write(root .. "/script.lua", SCRIPT)
    write(root .. "/disk_script.lua", DISK)
  end)

  teardown(function() run { "rm", "-rf", root } end)

  -- Runs command lines of a user's, with $PREFIX, $FLAGS and pkg-config set up.
  local function shell(commands)
    local env = { PREFIX = prefix, FLAGS = flags, PKG_CONFIG_PATH = prefix .. "/lib/pkgconfig" }
    return process.run { "sh", "-euc", commands, cwd = root, env = env, timeout = 120 }
  end

  it("holds what users of every kind need", function()
    for _, path in ipairs {
      "bin/fairlead", "lib/libfairlead.so", "include/fairlead.h", "lib/fairlead/process.so",
      "share/fairlead/scripts/release.lua", "share/fairlead/scripts/release/rehearsal.lua",
      "share/fairlead/modules/process/init.lua", "share/fairlead/modules/process/meta.lua", "lib/pkgconfig/fairlead.pc",
      "lib/cmake/fairlead/fairleadConfig.cmake", "share/doc/fairlead/LICENSE", "share/doc/fairlead/README.md",
      "share/doc/fairlead/docs/first-procedure.md", "share/doc/fairlead/docs/reference/procedure.md",
    } do
      assert.is_true(exists(prefix .. "/" .. path), path .. " is not installed")
    end
  end)

  it("says nowhere where it was built or first installed", function()
    local packages = { prefix .. "/lib/cmake", prefix .. "/lib/pkgconfig" }
    for _, place in ipairs { tree, root .. "/first" } do
      assert.equal(1, process.run({ "grep", "-rF", place, packages[1], packages[2] }).code, place .. " is named")
    end
    local headers = shell 'for file in "$PREFIX"/bin/fairlead "$PREFIX"/lib/fairlead/*.so; do readelf -d "$file"; done'
    local count = 0
    for path in headers.stdout:gmatch "Library r[un]*path: %[(.-)%]" do
      assert.matches("^%$ORIGIN", path)
      count = count + 1
    end
    assert.is_true(count >= 2, headers.stdout)
  end)

  it("runs a script with the modules that lie beside it", function()
    write(root .. "/modules.lua", [[
      local process = require "fairlead.process"
      print((process.run { "echo", "from a child" }).stdout)
      for line in io.lines "/proc/self/maps" do
        local library = line:match "(/.*/fairlead/process%.so)"
        if library then print(library) break end
      end
    ]])
    local result = run { prefix .. "/bin/fairlead", root .. "/modules.lua" }
    assert.matches("from a child", result.stdout, 1, true)
    assert.matches(prefix .. "/lib/fairlead/process.so", result.stdout, 1, true)
  end)

  it("has no team's own procedures and settings", function()
    assert.is_false(exists(prefix .. "/share/fairlead/scripts/settings.lua"))
    assert.is_false(exists(prefix .. "/share/fairlead/scripts/planning-data.lua"))
  end)

  it("gives a new team what its procedure needs, in an empty folder", function()
    run { "mkdir", root .. "/team" }
    local program = prefix .. "/bin/fairlead"
    local function there(...) return run { cwd = root .. "/team", env = { FAIRLEAD_STATE = root .. "/state" }, ... } end
    there(program, "new", "grants", "--repository", "acme/grants", "--environments", "staging,production", "--deploys",
      "codedeploy", "--channel", "grants")
    assert.is_true(exists(prefix .. "/share/fairlead/luals/fairlead/http/init.lua"))
    there(program, "check", "grants.lua", "grants_spec.lua")
    assert.matches("Nothing real was touched", there(program, "rehearse", "grants.lua").stdout, 1, true)
    there(program, "test", "grants_spec.lua")
  end)

  it("gives a C program its host by pkg-config", function()
    local built = shell [[
      cc $FLAGS -Wall -Werror "$PREFIX/share/doc/fairlead/examples/embed.c" -o embed \
        $(pkg-config --cflags --libs fairlead) -Wl,-rpath,"$PREFIX/lib"
      ./embed script.lua Dover
    ]]
    assert.equal("Dover: 12 knots\n", built.stdout, built.stderr)
    local failed = shell "./embed script.lua Dover fail"
    assert.equal(1, failed.code)
    assert.matches("^embed: no station in a place without a name %(weather%.unknown%)\n", failed.stderr)
  end)

  it("gives a C program its host by find_package", function()
    run { "mkdir", root .. "/consumer" }
    write(root .. "/consumer/CMakeLists.txt", [[
      cmake_minimum_required(VERSION 3.25)
      project(consumer LANGUAGES C)
      find_package(fairlead 0.1 REQUIRED)
      add_executable(embed ${EXAMPLES}/embed.c)
      target_link_libraries(embed PRIVATE fairlead::fairlead)
    ]])
    local built = shell [[
      cmake -S consumer -B consumer/build -DCMAKE_PREFIX_PATH="$PREFIX" -DCMAKE_C_FLAGS="$FLAGS" \
        -DEXAMPLES="$PREFIX/share/doc/fairlead/examples" >&2
      cmake --build consumer/build >&2
      consumer/build/embed script.lua Lundy
    ]]
    assert.equal("Lundy: 12 knots\n", built.stdout, built.stderr)
  end)

  it("loads a native module whose function waits, is cancelled and fails", function()
    local built = shell [[
      cc $FLAGS -Wall -Werror -shared -fPIC "$PREFIX/share/doc/fairlead/examples/wait.c" -o disk.so \
        $(pkg-config --cflags fairlead libuv)
      "$PREFIX/bin/fairlead" disk_script.lua
    ]]
    assert.equal(0, built.code, built.stderr)
    assert.matches("^disk%.not_found\tdisk%.room /no/such/folder: no such file or directory\n", built.stdout)
    assert.matches("\nthe other was first\ndisk%.room would have to wait where Lua cannot", built.stdout)
  end)

  it("finds a native module in a folder that FAIRLEAD_PATH names", function()
    run { "mkdir", "-p", root .. "/elsewhere" }
    run { "cp", tree .. "/examples/disk.so", root .. "/elsewhere/disk.so" }
    local env = { FAIRLEAD_PATH = root .. "/elsewhere" }
    local result = process.run { prefix .. "/bin/fairlead", "-e", 'require("disk").room("/") > 0', env = env }
    assert.equal("true\n", result.stdout, result.stderr)
  end)
end)

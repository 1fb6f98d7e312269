#!/usr/bin/env fairlead
--- Writes docs/reference: a page for each module, from the annotations in its source. `./dev docs` runs it.
---
---     fairlead docs/generate.lua [FOLDER]
local annotations = require "fairlead.annotations"
local reference = require "fairlead.annotations.reference"

local folder <const> = arg[1] or "docs/reference"

-- In the order of the index; what a page is about is said in one line.
local MODULES <const> = {
  { "procedure", "procedures, and what a run can do: steps, waits, gates, locks" },
  { "github", "pull requests, checks, reviews, merges, workflow runs" },
  { "aws", "any operation of the AWS services that a release needs" },
  { "slack", "messages, threads, reactions, approvals" },
  { "git", "repositories: reading, fetching, pushing" },
  { "http", "requests" },
  { "json", "JSON that keeps integers, arrays and null" },
  { "xml", "XML: elements, attributes, text" },
  { "process", "other programs" },
  { "clock", "time" },
  { "task", "several things at once" },
  { "debugger", "stopping tasks to look at them" },
  { "errors", "error objects" },
  { "try", "a failure as a value" },
  { "secret", "text that is not shown" },
  { "world", "the simulated services, for specs" },
  { "environment", "environment variables" },
  { "digest", "SHA-256" },
  { "sigv4", "AWS's signatures" },
}

-- What a spec uses of the world; the rest is its works.
local ONLY <const> = {
  world = { ["fairlead.world.Options"] = true, ["fairlead.world.World"] = true, ["fairlead.world.Scenario"] = true },
  release = { Release = true, ["Release.Note"] = true, ["live.Result"] = true },
}

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

-- The files of a module, what `require` gives first.
local function files_of(name)
  local base = "modules/" .. name
  local face = exists(base .. "/init.lua") and base .. "/init.lua" or base .. "/meta.lua"
  local paths = { face }
  for _, path in ipairs(annotations.files(base, ".lua")) do
    if path ~= face then paths[#paths + 1] = path end
  end
  return paths
end

local function write(name, text)
  local file <close> = assert(io.open(folder .. "/" .. name, "w"))
  file:write(text)
end

local index = {
  "# Reference", "",
  "What scripts can require, from the annotations in the source; editors show the same. These pages are generated:",
  "`./dev docs` writes them again.", "",
  "- [release](release.md): the vocabulary in which releases are written",
  "- [settings](settings.md): what is true of one application",
}
local parts = { "scripts/release.lua" }
for _, path in ipairs(annotations.files("scripts/release", ".lua")) do
  -- The parts give methods of a release; what lies in their folders is theirs alone.
  if path:find "^scripts/release/[^/]+$" and not path:find "/meta%.lua$" then parts[#parts + 1] = path end
end
local release <const> = reference.part("release", "release", parts)
release.classes = ONLY.release
write("release.md", reference.page(release))
local settings <const> = reference.part("Settings", "", { "scripts/release/meta.lua" })
settings.start = "release.Settings"
write("settings.md", reference.page(settings))
for _, entry in ipairs(MODULES) do
  local name, about = entry[1], entry[2]
  local global = name == "try" or name == "secret"
  local part = reference.part(global and name or "fairlead." .. name, global and "" or name, files_of(name))
  part.classes = ONLY[name]
  write(name .. ".md", reference.page(part))
  index[#index + 1] = ("- [%s](%s.md): %s"):format(part.name, name, about)
end
write("README.md", table.concat(index, "\n") .. "\n")

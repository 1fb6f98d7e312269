--- The tables of operation by peer, from the rows that the specs left: `fairlead spec/peers/support/table.lua FILE…`
--- writes them into each FILE.
local json = require "fairlead.json"
local lfs = require "lfs"

package.path = "./?.lua;" .. package.path
local results = require "spec.peers.support.results"

-- Groups and their columns, in the order in which they are shown; what is in none of them comes last.
local GROUPS <const> = {
  { name = "AWS", title = "AWS",
    text = "Fairlead's clients against simulated services, and AWS's own clients against `fairlead world serve`." },
  { name = "Wire", title = "What goes over the wire", text = [[
The same call by Fairlead and by AWS's own SDKs to a server that records, compared in method, path, query, headers, what
the signature is for, and body (JSON as values, forms as sorted pairs, XML as parsed). Left out are headers by which no
service decides (`User-Agent`, the SDKs' `amz-sdk-*`, `Accept: */*`), and the hash of the body that the SDK for
JavaScript sends to every service, where only S3 asks for it.]] },
  { name = "Models", title = "What is known of AWS's services", text = [[
Names, addresses, protocols, versions, tokens that make a call safe to repeat, operations without a signature, and types
of XML answers, against AWS's newest models.]] },
  { name = "GitHub", title = "GitHub", text = [[
Every kind of request that the procedures make in rehearsals, and of answer that the simulated GitHub gives, against
GitHub's own OpenAPI description (the addresses of further pages, which the simulated one leaves out of users and
repositories, are put back before Prism looks); Fairlead's client on GitHub's own examples; and GitHub's own client
against `fairlead world serve`.]] },
  { name = "Slack", title = "Slack", text = "Slack's own client against `fairlead world serve`." },
  { name = "git", title = "git",
    text = "Fairlead's git and http against `git http-backend` behind nginx, with a password and TLS." },
  { name = "TLS", title = "Bad certificates", text = [[
Fairlead against `openssl s_server`: refused, with what is wrong. Whether git takes old versions and short keys, the
user's git and its TLS library decide. Whether a certificate was revoked is not looked up, as by curl and the SDKs.]] },
}

local function read_rows()
  local rows, names = {}, {}
  for name in lfs.dir(results.FOLDER) do
    if name:find "%.jsonl$" then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    for line in io.lines(results.FOLDER .. "/" .. name) do rows[#rows + 1] = json.decode(line) end
  end
  return rows
end

local function remember(list, item)
  if not list[item] then
    list[#list + 1], list[item] = item, true
  end
end

-- The rows of a group: operations and peers in order, and what came of each pair.
local function grid_of(rows, group)
  local peers, operations, cells = {}, {}, {}
  for _, row in ipairs(rows) do
    if row.group == group then
      remember(peers, row.peer)
      remember(operations, row.operation)
      cells[row.operation .. "\0" .. row.peer] = row
    end
  end
  table.sort(operations)
  return peers, operations, cells
end

local function render(out, group, rows)
  local peers <const>, operations <const>, cells <const> = grid_of(rows, group.name)
  if #peers == 0 then return end
  local notes = {}
  local function add(...) out[#out + 1] = table.concat { ... } end
  add("\n## ", group.title, "\n\n", group.text, "\n")
  add("| operation | ", table.concat(peers, " | "), " |")
  add("|---", ("|---"):rep(#peers), "|")
  for _, operation in ipairs(operations) do
    local line = {}
    for i, peer in ipairs(peers) do
      local row <const> = cells[operation .. "\0" .. peer]
      local cell = not row and "–" or row.ok and "✔" or "✘"
      for _, note in ipairs(row and row.notes or {}) do
        if not notes[note] then notes[#notes + 1], notes[note] = note, #notes + 1 end
        cell = ("%s [%d]"):format(cell, notes[note])
      end
      line[i] = cell
    end
    add("| ", operation, " | ", table.concat(line, " | "), " |")
  end
  if #notes > 0 then add "" end
  for i, note in ipairs(notes) do add("- [", tostring(i), "] ", note) end
end

local function versions()
  local list = {}
  local wanted <const> = json.decode(assert(io.open "vendor/peers/package.json"):read "a").dependencies
  for name, version in pairs(wanted) do
    if not name:find "^@aws%-crypto" then list[#list + 1] = ("%s %s"):format(name, version) end
  end
  for line in io.lines "vendor/peers/requirements.txt" do
    local name, version = line:match "^(%w+)==(%S+)$"
    if name == "moto" or name == "boto3" or name == "awscli" then list[#list + 1] = ("%s %s"):format(name, version) end
  end
  local pom <const> = assert(io.open "vendor/peers/pom.xml"):read "a"
  list[#list + 1] = pom:match "<artifactId>(DynamoDBLocal)</artifactId>" .. " " .. pom:match
    "DynamoDBLocal</artifactId>%s*<version>([%d.]+)"
  table.sort(list)
  return "- " .. table.concat(list, "\n- ")
end

local function page(rows)
  local out = {
    "# Fairlead and software that others wrote\n",
    "Written by `./dev peers`, which installs that software, runs Fairlead's clients against it, and its clients\n"
      .. "against the simulated services. ✔ as it should be; ✘ not; – not asked.",
  }
  for _, group in ipairs(GROUPS) do render(out, group, rows) end
  out[#out + 1] = "\n## Versions\n\n" .. versions() .. "\n- git, nginx and openssl as the system has them"
  return table.concat(out, "\n") .. "\n"
end

local text <const> = page(read_rows())
for _, path in ipairs(arg) do
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

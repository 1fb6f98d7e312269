return [[
== open
local repository <close> = git.open(w.folder.work)
print(repository:head().branch) --> light-the-lamp

== clone
local folder = os.tmpname()
os.remove(folder)
local copy <close> = git.clone { url = w.folder.work, path = folder }
print(copy:head().branch) --> light-the-lamp
process.run { "rm", "-r", folder }

== parse_address
local address = git.parse_address "git@github.com:acme/lighthouse.git"
print(address.host, address.owner, address.name) --> github.com	acme	lighthouse

== Repository:head
print(git.open(w.folder.work):head().branch) --> light-the-lamp

== Repository:resolve
print(#git.open(w.folder.work):resolve "HEAD") --> 40

== Repository:log
for _, commit in ipairs(git.open(w.folder.work):log { from = "origin/main", limit = 5 }) do
  print(commit.summary) --> Light the lamp
end

== Repository:commit
print(git.open(w.folder.work):commit("HEAD").summary) --> Light the lamp

== Repository:merge_base
local repository = git.open(w.folder.work)
print(repository:merge_base("HEAD", "origin/main") == repository:resolve "origin/main") --> true

== Repository:ahead_behind
print(git.open(w.folder.work):ahead_behind("HEAD", "origin/main")) --> 1	0

== Repository:is_ancestor
print(git.open(w.folder.work):is_ancestor("origin/main", "HEAD")) --> true

== Repository:diff_stat
local stat = git.open(w.folder.work):diff_stat("origin/main", "HEAD")
print(stat.files, stat.insertions, stat.by_file[1].path) --> 1	1	lamp.txt

== Repository:status
print(#git.open(w.folder.work):status()) --> 0

== Repository:is_clean
print(git.open(w.folder.work):is_clean()) --> true

== Repository:require_clean
git.open(w.folder.work):require_clean { untracked = false }

== Repository:require_branch
print(git.open(w.folder.work):require_branch()) --> light-the-lamp

== Repository:branches
for _, branch in ipairs(git.open(w.folder.work):branches { remote = true }) do print(branch.name) end

== Repository:create_branch
local repository = git.open(w.folder.work)
repository:create_branch { name = "try-it", at = "origin/main" }
print(repository:is_ancestor("try-it", "HEAD")) --> true

== Repository:is_branch_name
print(git.open(w.folder.work):is_branch_name "no..way") --> false

== Repository:tag
local repository = git.open(w.folder.work)
repository:tag { name = "v1", at = "HEAD", message = "the first" }
print(repository:tags()[1].name) --> v1

== Repository:tags
for _, tag in ipairs(git.open(w.folder.work):tags()) do print(tag.name, tag.sha) end

== Repository:refs
for _, ref in ipairs(git.open(w.folder.work):refs()) do print(ref.name, ref.sha) end

== Repository:remote
print(git.open(w.folder.work):remote().owner) --> acme

== Repository:remotes
print(table.concat(git.open(w.folder.work):remotes(), " ")) --> origin

== Repository:setting
print(git.open(w.folder.work):setting "user.name" ~= nil)

== Repository:folder
print(git.open(w.folder.work):folder() ~= nil) --> true

== Repository:is_bare
print(git.open(w.folder.work):is_bare()) --> false

== Repository:is_shallow
print(git.open(w.folder.work):is_shallow()) --> false

== Repository:fetch
local repository = git.open(w.folder.work)
for _, update in ipairs(repository:fetch { remote = "origin" }) do print(update.ref) end

== Repository:push
for _, pushed in ipairs(git.open(w.folder.work):push { branch = "light-the-lamp" }) do print(pushed.ref) end

== Repository:close
local repository = git.open(w.folder.work)
repository:close()
]]

CREATE TABLE scripts (      -- what runs were made of; many runs share one
      sha256 TEXT PRIMARY KEY,
      files TEXT NOT NULL       -- JSON: a list of {path, sha256, text}, the script first
    );
CREATE TABLE runs (
      id TEXT PRIMARY KEY,
      number INTEGER NOT NULL,  -- the order in which they began, whatever the clocks said
      procedure TEXT NOT NULL,
      summary TEXT,
      mode TEXT NOT NULL,
      script TEXT,              -- path; NULL: the procedure came from no file
      sha256 TEXT REFERENCES scripts,
      git_commit TEXT,          -- of the script's repository; with '+' when its files differ from that
      parameters TEXT NOT NULL, -- JSON, typed; secrets are left out
      directory TEXT,
      user TEXT,
      host TEXT,
      began REAL NOT NULL,      -- unix seconds
      finished REAL,            -- when the last attempt ended; NULL: under way, or its process is gone
      outcome TEXT,
      reason TEXT,
      exit_code INTEGER,
      error TEXT,               -- JSON: {text, kind, hint, failed}
      attempts INTEGER NOT NULL,
      owner TEXT,               -- JSON: the process that carries it out; NULL: none does
      token TEXT,               -- changes with each owner: who has an old one may not write any more
      ordinal INTEGER NOT NULL  -- of its newest entry
    , command TEXT);
CREATE UNIQUE INDEX runs_by_number ON runs (number);
CREATE TABLE entries (
      run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
      id TEXT NOT NULL,         -- path with occurrence
      ordinal INTEGER NOT NULL,
      kind TEXT NOT NULL,       -- step, wait, gate, question, notify
      path TEXT NOT NULL,
      occurrence INTEGER NOT NULL,
      scope TEXT,               -- the parallel branch that it is part of, '' for none; NULL: a task of the script's own
      digest TEXT NOT NULL,
      intent TEXT,              -- JSON
      status TEXT NOT NULL,     -- begun, finished, failed
      result TEXT,              -- JSON
      error TEXT,
      attempts INTEGER NOT NULL,
      began REAL NOT NULL,
      finished REAL,
      deadline REAL,
      PRIMARY KEY (run, id)
    ) WITHOUT ROWID;
CREATE TABLE events (
      run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
      ordinal INTEGER NOT NULL,
      event TEXT NOT NULL,      -- JSON
      PRIMARY KEY (run, ordinal)
    ) WITHOUT ROWID;
INSERT INTO scripts (sha256, files) VALUES ('645fa3f168566bd6b5ff2f85bae15ac3a88bd975207969c428a6d53a9876ab86', '[{"path":"deploy.lua","sha256":"f8d9d565041fd506e4105ea4183a78c2f393894e432ea5cf0014cdb7bb79b806","text":"-- What the journals of older versions hold a run of: killed while it waits, with a step done and one to do.\nlocal procedure = require \"fairlead.procedure\"\n\nreturn procedure.new {\n  name = \"deploy\", parameters = { log = { required = true }, go = { required = true } },\n  run = function(run, parameters)\n    local function step(name)\n      return run:step(name, { intent = { name = name }, act = function()\n        local file <close> = assert(io.open(parameters.log, \"a\"))\n        file:write(name, \"\\n\")\n        return { done = name }\n      end })\n    end\n    run:stage(\"Build\", function() step \"one\" end)\n    run:gate { name = \"Sure\", evidence = { commit = \"1a2b\" } }\n    run:wait { name = \"Go\", timeout = 315360000, check = function()\n      local file <close> = io.open(parameters.go)\n      return file ~= nil, \"not yet\"\n    end }\n    run:notify \"going\"\n    step \"two\"\n  end,\n}\n"}]');
INSERT INTO runs (id, number, procedure, summary, mode, script, sha256, git_commit, parameters, directory, user, host, began, finished, outcome, reason, exit_code, error, attempts, owner, token, ordinal, command) VALUES ('20261122-235051-6480c6', 1, 'deploy', NULL, 'run', '/project/journals/deploy.lua', '645fa3f168566bd6b5ff2f85bae15ac3a88bd975207969c428a6d53a9876ab86', '788d3a1a34b6d3d798cc53786dbed931c7686462+', '{"go":"/nowhere","log":"/tmp/jv.log"}', '/project', 'ada', 'vm', 1795391451.494, NULL, NULL, NULL, NULL, NULL, 1, '{"began":1178282,"boot":"05a87ce2-57b3-49ef-a2ab-63f9d2f66152","host":"vm","namespace":4026531836,"pid":14365,"since":1795391451.494,"user":"ada"}', 'f114d1ee72e45ed4dd4712cb024b9484', 0, NULL);
INSERT INTO entries (run, id, ordinal, kind, path, occurrence, scope, digest, intent, status, result, error, attempts, began, finished, deadline) VALUES ('20261122-235051-6480c6', 'Build/one', 1, 'step', 'Build/one', 1, '', '337f3b7f20bc7329093d80a8d0cc70fcff1581feca2df79b76b2b47b6d3cf26a', '{"name":"one"}', 'finished', '{"done":"one"}', NULL, 1, 1795391451.4981847, 1795391451.4983335, NULL);
INSERT INTO entries (run, id, ordinal, kind, path, occurrence, scope, digest, intent, status, result, error, attempts, began, finished, deadline) VALUES ('20261122-235051-6480c6', 'Go', 3, 'wait', 'Go', 1, '', '62d765a94e462952ab7ffa7331228f96b8ceeca80cf2f17930cc71974b6835a6', NULL, 'begun', NULL, NULL, 1, 1795391451.4988008, NULL, 2110751451.4987986);
INSERT INTO entries (run, id, ordinal, kind, path, occurrence, scope, digest, intent, status, result, error, attempts, began, finished, deadline) VALUES ('20261122-235051-6480c6', 'Sure', 2, 'gate', 'Sure', 1, '', '3da3729e92ddf4c77e9e9b1bd7735975b851060611801c53d3ad05c51d5ba138', '{"evidence":{"commit":"1a2b"},"question":"Sure?"}', 'finished', '{"at":1795391451.499,"by":"ada","decision":"approved","digest":"fef174f012cc5af86794b72456914ed41b4a5efa5008cba60327e6c8e7f54c19","evidence":{"commit":"1a2b"},"via":"--yes"}', NULL, 1, 1795391451.4984479, 1795391451.4986427, 1795477851.4984457);
INSERT INTO events (run, ordinal, event) VALUES ('20261122-235051-6480c6', 1, '{"at":1795391451.498,"event":"run.started","mode":"run","parameters":{"go":"/nowhere","log":"/tmp/jv.log"},"plan":[],"procedure":"deploy","run":"20261122-235051-6480c6"}');
INSERT INTO events (run, ordinal, event) VALUES ('20261122-235051-6480c6', 2, '{"at":1795391451.498,"event":"step.started","kind":"stage","path":"Build","run":"20261122-235051-6480c6","step":"Build"}');
INSERT INTO events (run, ordinal, event) VALUES ('20261122-235051-6480c6', 3, '{"at":1795391451.498,"event":"step.started","intent":"name one","kind":"step","path":"Build/one","run":"20261122-235051-6480c6","step":"one"}');
INSERT INTO events (run, ordinal, event) VALUES ('20261122-235051-6480c6', 4, '{"at":1795391451.498,"elapsed":0.0,"event":"step.finished","path":"Build/one","run":"20261122-235051-6480c6","status":"done","step":"one"}');
INSERT INTO events (run, ordinal, event) VALUES ('20261122-235051-6480c6', 5, '{"at":1795391451.498,"elapsed":0.0,"event":"step.finished","path":"Build","run":"20261122-235051-6480c6","status":"done","step":"Build"}');
INSERT INTO events (run, ordinal, event) VALUES ('20261122-235051-6480c6', 6, '{"at":1795391451.498,"event":"step.started","intent":"Sure?","kind":"gate","path":"Sure","run":"20261122-235051-6480c6","step":"Sure"}');
INSERT INTO events (run, ordinal, event) VALUES ('20261122-235051-6480c6', 7, '{"at":1795391451.499,"deadline":1795477851.498,"digest":"fef174f012cc5af86794b72456914ed41b4a5efa5008cba60327e6c8e7f54c19","event":"gate.asked","evidence":{"commit":"1a2b"},"path":"Sure","question":"Sure?","run":"20261122-235051-6480c6","step":"Sure","via":["--yes"]}');
INSERT INTO events (run, ordinal, event) VALUES ('20261122-235051-6480c6', 8, '{"at":1795391451.499,"by":"ada","decision":"approved","digest":"fef174f012cc5af86794b72456914ed41b4a5efa5008cba60327e6c8e7f54c19","event":"gate.decided","path":"Sure","run":"20261122-235051-6480c6","step":"Sure","via":"--yes"}');
INSERT INTO events (run, ordinal, event) VALUES ('20261122-235051-6480c6', 9, '{"at":1795391451.499,"elapsed":0.0,"event":"step.finished","path":"Sure","run":"20261122-235051-6480c6","status":"done","step":"Sure"}');
INSERT INTO events (run, ordinal, event) VALUES ('20261122-235051-6480c6', 10, '{"at":1795391451.499,"deadline":2110751451.499,"event":"step.started","kind":"wait","path":"Go","run":"20261122-235051-6480c6","step":"Go"}');
INSERT INTO events (run, ordinal, event) VALUES ('20261122-235051-6480c6', 11, '{"at":1795391451.499,"checks":1,"deadline":2110751451.499,"event":"wait.progress","path":"Go","run":"20261122-235051-6480c6","since":1795391451.499,"step":"Go","text":"not yet"}');
PRAGMA application_id = 1179404849;
PRAGMA user_version = 2;

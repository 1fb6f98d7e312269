CREATE TABLE locks (
  name TEXT PRIMARY KEY, token INTEGER NOT NULL, lease TEXT, run TEXT, owner TEXT, reason TEXT, notify TEXT,
  taken REAL, wanted_until REAL, renewed REAL, ttl REAL, expires REAL, steady_end REAL, boot TEXT, host TEXT
) WITHOUT ROWID;
CREATE TABLE tickets (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, run TEXT NOT NULL,
  owner TEXT NOT NULL, reason TEXT NOT NULL, since REAL NOT NULL, ttl REAL NOT NULL,
  expires REAL NOT NULL, steady_end REAL NOT NULL, boot TEXT NOT NULL, host TEXT NOT NULL
);
CREATE INDEX tickets_of ON tickets (name, number);
CREATE TABLE log (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, name TEXT NOT NULL, token INTEGER NOT NULL, lease TEXT NOT NULL,
  what TEXT NOT NULL, owner TEXT, by TEXT, why TEXT
);
CREATE INDEX log_of ON log (lease);
INSERT INTO locks VALUES ('development', 7, 'lease-7', '20260302-090000-a1b2c3', '{"host":"elsewhere","process":{"began":81,"boot":"b","namespace":1,"pid":4711},"procedure":"deploy","run":"20260302-090000-a1b2c3","user":"ada"}', 'try the map', NULL,
  1772442000, 1772445600, 1772442060, 60, 1772442120, 5060, 'b', 'elsewhere');
INSERT INTO locks VALUES ('staging', 3, NULL, NULL, NULL, 'try the map', NULL,
  1772441000, 1772444600, 1772441060, 60, 1772441120, 4060, 'b', 'elsewhere');
INSERT INTO tickets VALUES (12, 'ticket-12', 'development', '20260302-090100-d4e5f6', '{"host":"elsewhere","process":{"began":81,"boot":"b","namespace":1,"pid":4711},"procedure":"deploy","run":"20260302-090000-a1b2c3","user":"ada"}', 'wait', 1772442050, 15,
  1772442065, 5005, 'b', 'elsewhere');
INSERT INTO log VALUES (1, 1772441090, 'staging', 3, 'lease-3', 'released', '{"host":"elsewhere","process":{"began":81,"boot":"b","namespace":1,"pid":4711},"procedure":"deploy","run":"20260302-090000-a1b2c3","user":"ada"}', NULL, NULL);
PRAGMA user_version = 1;

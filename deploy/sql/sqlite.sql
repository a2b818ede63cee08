-- The tables of the returner `sqlite`, in the file that `sqlite.database` names: they are made at its first use, or by
-- `reactor returners create sqlite`.

CREATE TABLE jids (
  jid TEXT NOT NULL PRIMARY KEY,
  "load" TEXT NOT NULL
);

CREATE TABLE salt_returns (
  fun TEXT NOT NULL,
  jid TEXT NOT NULL,
  "return" TEXT NOT NULL,
  id TEXT NOT NULL,
  success TEXT NOT NULL,
  full_ret TEXT NOT NULL,
  alter_time TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE UNIQUE INDEX salt_returns_key ON salt_returns (jid, id);
CREATE INDEX salt_returns_id ON salt_returns (id);
CREATE INDEX salt_returns_fun ON salt_returns (fun, id, jid);

CREATE TABLE salt_events (
  id INTEGER PRIMARY KEY,
  tag TEXT NOT NULL,
  data TEXT NOT NULL,
  alter_time TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  master_id TEXT NOT NULL,
  event_id TEXT UNIQUE,
  origin TEXT
);
CREATE INDEX salt_events_tag ON salt_events (tag);
CREATE INDEX salt_events_alter_time ON salt_events (alter_time);

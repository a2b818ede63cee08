-- The tables of the returner `mysql`, in the database that `mysql.db` names: what `reactor returners create mysql` makes.
-- Salt's own tables, which have fewer keys, do too; with these writing is faster, and an event that comes again is kept once.

CREATE TABLE jids (
  jid varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `load` mediumtext NOT NULL,
  UNIQUE KEY jid (jid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE salt_returns (
  fun varchar(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  jid varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `return` mediumtext NOT NULL,
  id varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  success varchar(10) NOT NULL,
  full_ret mediumtext NOT NULL,
  alter_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE KEY jid_id (jid, id),
  KEY id (id),
  KEY fun (fun, id, jid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE salt_events (
  id BIGINT NOT NULL AUTO_INCREMENT,
  tag varchar(3000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  data mediumtext NOT NULL,
  alter_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  master_id varchar(255) NOT NULL,
  event_id varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  origin varchar(255) NULL,
  PRIMARY KEY (id),
  UNIQUE KEY event_id (event_id),
  KEY tag (tag(255)),
  KEY alter_time (alter_time)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

// The tables of Salt's returner mysql, as a guide of 2014 has them made by hand.

export const SEED_TABLES = `
DROP TABLE IF EXISTS \`jids\`;
CREATE TABLE \`jids\` (
  \`jid\` varchar(255) NOT NULL,
  \`load\` mediumtext NOT NULL,
  UNIQUE KEY \`jid\` (\`jid\`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;

DROP TABLE IF EXISTS \`salt_returns\`;
CREATE TABLE \`salt_returns\` (
  \`fun\` varchar(50) NOT NULL,
  \`jid\` varchar(255) NOT NULL,
  \`return\` mediumtext NOT NULL,
  \`id\` varchar(255) NOT NULL,
  \`success\` varchar(10) NOT NULL,
  \`full_ret\` mediumtext NOT NULL,
  \`alter_time\` TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  KEY \`id\` (\`id\`),
  KEY \`jid\` (\`jid\`),
  KEY \`fun\` (\`fun\`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8;
`

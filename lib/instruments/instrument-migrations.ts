import type { MigrationSet } from '../store/migrations.ts'

/** The table of the catalogue. */
export const INSTRUMENT_MIGRATIONS: MigrationSet = {
  component: 'instruments',
  migrations: [
    {
      version: 1,
      name: 'instruments',
      sqlite: [
        `CREATE TABLE IF NOT EXISTS instruments (
          instrument_key TEXT NOT NULL PRIMARY KEY,
          venue_symbol TEXT NOT NULL,
          name TEXT,
          base TEXT,
          currency TEXT,
          tick_size TEXT,
          lot_size TEXT,
          multiplier TEXT,
          calendar TEXT,
          status TEXT NOT NULL,
          search_text TEXT NOT NULL
        ) STRICT, WITHOUT ROWID`
      ],
      mysql: [
        `CREATE TABLE IF NOT EXISTS instruments (
          instrument_key VARCHAR(128) NOT NULL PRIMARY KEY,
          venue_symbol VARCHAR(128) NOT NULL,
          name VARCHAR(255),
          base VARCHAR(64),
          currency VARCHAR(64),
          tick_size DECIMAL(38, 18),
          lot_size DECIMAL(38, 18),
          multiplier DECIMAL(38, 18),
          calendar VARCHAR(64),
          status VARCHAR(16) NOT NULL,
          search_text TEXT NOT NULL
        ) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`
      ]
    }
  ]
}

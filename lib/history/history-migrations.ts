import type { MigrationSet } from '../store/migrations.ts'

/**
 * The tables of the history.
 *
 * `quotes` is clustered by instrument and id, which makes an id unique without a second index and keeps the locks of two writers
 * of one batch in one order. `quotes_by_series` alone serves what is read by time: a range of an instrument is merged from its few
 * series, because every further index costs each quote as much as it saves the rare reader.
 */
export const HISTORY_MIGRATIONS: MigrationSet = {
  component: 'history',
  migrations: [
    {
      version: 1,
      name: 'instrument keys, series and quotes',
      sqlite: [
        `CREATE TABLE IF NOT EXISTS instrument_keys (
          id INTEGER PRIMARY KEY,
          instrument_key TEXT NOT NULL UNIQUE
        ) STRICT`,
        `CREATE TABLE IF NOT EXISTS series (
          id INTEGER PRIMARY KEY,
          instrument_id INTEGER NOT NULL,
          kind TEXT NOT NULL,
          provider TEXT NOT NULL,
          channel TEXT NOT NULL,
          UNIQUE (instrument_id, kind, provider, channel)
        ) STRICT`,
        `CREATE TABLE IF NOT EXISTS quotes (
          instrument_id INTEGER NOT NULL,
          quote_id TEXT NOT NULL,
          series_id INTEGER NOT NULL,
          status TEXT NOT NULL,
          seq TEXT,
          seq_kind TEXT,
          exchange_time INTEGER,
          received_time INTEGER NOT NULL,
          observed_time INTEGER NOT NULL,
          published_time INTEGER NOT NULL,
          slot INTEGER,
          egress TEXT,
          carried INTEGER NOT NULL,
          last_price TEXT,
          last_size TEXT,
          bid TEXT,
          bid_size TEXT,
          ask TEXT,
          ask_size TEXT,
          open_price TEXT,
          high_price TEXT,
          low_price TEXT,
          prev_close TEXT,
          volume TEXT,
          turnover TEXT,
          stats_window TEXT,
          PRIMARY KEY (instrument_id, quote_id)
        ) STRICT, WITHOUT ROWID`,
        'CREATE INDEX IF NOT EXISTS quotes_by_time ON quotes (instrument_id, observed_time, quote_id)',
        'CREATE INDEX IF NOT EXISTS quotes_by_series ON quotes (series_id, observed_time, quote_id)'
      ],
      mysql: [
        `CREATE TABLE IF NOT EXISTS instrument_keys (
          id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
          instrument_key VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL UNIQUE
        ) ENGINE = InnoDB`,
        `CREATE TABLE IF NOT EXISTS series (
          id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
          instrument_id INT UNSIGNED NOT NULL,
          kind VARCHAR(8) NOT NULL,
          provider VARCHAR(64) NOT NULL,
          channel VARCHAR(64) NOT NULL,
          UNIQUE (instrument_id, kind, provider, channel)
        ) ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin`,
        `CREATE TABLE IF NOT EXISTS quotes (
          instrument_id INT UNSIGNED NOT NULL,
          quote_id VARCHAR(255) NOT NULL,
          series_id INT UNSIGNED NOT NULL,
          status VARCHAR(16) NOT NULL,
          seq VARCHAR(64),
          seq_kind VARCHAR(64),
          exchange_time BIGINT,
          received_time BIGINT NOT NULL,
          observed_time BIGINT NOT NULL,
          published_time BIGINT NOT NULL,
          slot BIGINT,
          egress VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
          carried TINYINT UNSIGNED NOT NULL,
          last_price DECIMAL(38, 18),
          last_size DECIMAL(38, 18),
          bid DECIMAL(38, 18),
          bid_size DECIMAL(38, 18),
          ask DECIMAL(38, 18),
          ask_size DECIMAL(38, 18),
          open_price DECIMAL(38, 18),
          high_price DECIMAL(38, 18),
          low_price DECIMAL(38, 18),
          prev_close DECIMAL(38, 18),
          volume DECIMAL(38, 18),
          turnover DECIMAL(38, 18),
          stats_window VARCHAR(16),
          PRIMARY KEY (instrument_id, quote_id),
          KEY quotes_by_time (instrument_id, observed_time, quote_id),
          KEY quotes_by_series (series_id, observed_time, quote_id)
        ) ENGINE = InnoDB CHARACTER SET ascii COLLATE ascii_bin`
      ]
    },
    {
      version: 2,
      name: 'one index by time',
      sqlite: ['DROP INDEX IF EXISTS quotes_by_time'],
      // MySQL cannot be told to drop an index only if it exists, and must be: a step may be run again that was interrupted.
      mysql: [
        `SET @drop_quotes_by_time = IF(
          EXISTS (
            SELECT 1 FROM information_schema.statistics
            WHERE table_schema = DATABASE() AND table_name = 'quotes' AND index_name = 'quotes_by_time'
          ),
          'ALTER TABLE quotes DROP INDEX quotes_by_time',
          'DO 0'
        )`,
        'PREPARE drop_quotes_by_time FROM @drop_quotes_by_time',
        'EXECUTE drop_quotes_by_time',
        'DEALLOCATE PREPARE drop_quotes_by_time'
      ]
    }
  ]
}

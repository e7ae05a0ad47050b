import { StoreError } from './store-error.ts'

/** One step of a schema. Steps are never edited once released; a statement must stand being run twice. */
export interface Migration {
  /** Counts from 1 without gaps. */
  readonly version: number
  readonly name: string
  readonly sqlite: readonly string[]
  readonly mysql: readonly string[]
}

/** The ordered steps of one component's tables. */
export interface MigrationSet {
  readonly component: string
  readonly migrations: readonly Migration[]
}

/** Where applied steps are recorded; the same SQL for both dialects. */
export const CREATE_MIGRATIONS = `CREATE TABLE IF NOT EXISTS schema_migrations (
  component VARCHAR(64) NOT NULL,
  version INT NOT NULL,
  name VARCHAR(255) NOT NULL,
  applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (component, version)
)`
export const SELECT_VERSION = 'SELECT COALESCE(MAX(version), 0) AS version FROM schema_migrations WHERE component = ?'
export const RECORD_MIGRATION = 'INSERT INTO schema_migrations (component, version, name) VALUES (?, ?, ?)'

/** The steps that a database at `version` still needs. @throws StoreError `schema` when it is newer than this code. */
export function pendingMigrations({ component, migrations }: MigrationSet, version: number): readonly Migration[] {
  const known = migrations.at(-1)?.version ?? 0
  if (version > known) {
    throw new StoreError(
      'schema',
      `expected the ${component} tables at version ${known} or older, got ${version}: run the newer release that made them`
    )
  }
  return migrations.filter(migration => migration.version > version)
}

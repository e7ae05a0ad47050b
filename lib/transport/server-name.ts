/** The stream of dead letters has this name among those of the table. */
export const DEAD_NAME = 'dead'

/** One token of a subject or the name of a stream or consumer: the server refuses dots, wildcards, slashes and blanks. */
export function serverName(text: string): string {
  return text.replace(/[^\w@-]/g, '_')
}

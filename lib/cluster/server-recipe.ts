/** Where a private server runs. */
export interface ServerPlace {
  port: number
  /** A directory of its own. */
  dir: string
}

/** How a private server is started on 127.0.0.1, without touching one that the system runs. */
export interface ServerRecipe {
  /** For messages and the directory's name. */
  name: string
  /** A command on PATH or in the system's directories. */
  binary: string
  /** What to install on Debian where it is missing. */
  debianPackage: string
  /** Puts into the directory what the server needs; keeps data that is there already. */
  prepare: (place: ServerPlace) => Promise<void>
  args: (place: ServerPlace) => string[]
  /** Whether the server takes clients; never rejects. */
  ready: (place: ServerPlace) => Promise<boolean>
}

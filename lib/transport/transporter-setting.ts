/** Which transporter a broker uses. */
export type TransporterSetting = MemorySetting | NatsSetting

/** Streams in the memory of one process. */
export interface MemorySetting {
  kind: 'memory'
}

/**
 * The servers of a NATS system, and how a node makes itself known to them: by a user, a token, an NKey or a credentials file, or not at
 * all. Texts are contents, not names of files.
 */
export interface NatsSetting {
  kind: 'nats'
  /** Each `host` or `host:port`, 4222 without a port. One is used, and another when that is lost. */
  servers: readonly string[]
  user?: string
  password?: string
  token?: string
  /** The seed of a user's NKey: `SU…`. */
  nkey?: string
  /** A `.creds` file: a user's JWT and the seed of its NKey. */
  creds?: string
  /** When given, even empty, nothing is said to a server without TLS. A server that requires TLS gets it in any case. */
  tls?: TlsSetting
}

/** What TLS needs beside the servers' names; all in PEM. */
export interface TlsSetting {
  /** Certificates that vouch for the servers; those that Node trusts without it. */
  ca?: string
  /** This node's certificate with its chain, and the key to it, for servers that verify their clients. */
  cert?: string
  key?: string
}

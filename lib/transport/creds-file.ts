/** A user whose account signed its rights: the signed JWT, and the seed of its NKey to prove that it is the one. */
export interface Creds {
  jwt: string
  seed: string
}

const JWT = /-{3,}BEGIN NATS USER JWT-{3,}\s*([\w-]+\.[\w-]+\.[\w-]+)\s*-{3,}/
const SEED = /-{3,}BEGIN USER NKEY SEED-{3,}\s*(\w+)\s*-{3,}/

/** Reads the content of a `.creds` file, or gives undefined for another text. */
export function readCreds(text: string): Creds | undefined {
  const jwt = JWT.exec(text)?.[1]
  const seed = SEED.exec(text)?.[1]
  return jwt === undefined || seed === undefined || !isUserSeed(seed) ? undefined : { jwt, seed }
}

/** Whether a text has the form of a user's seed: 36 bytes with prefix and checksum, in base 32. */
export function isUserSeed(text: string): boolean {
  return /^SU[A-Z2-7]{56}$/.test(text)
}

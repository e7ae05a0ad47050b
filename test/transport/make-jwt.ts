import { nkeys } from 'nats'

/** A pair of NKeys, as the client's library makes them. */
export interface KeyPair {
  getPublicKey(): string
  getSeed(): Uint8Array
  sign(data: Uint8Array): Uint8Array
}

export const { createOperator, createAccount, createUser } = nkeys as {
  createOperator(): KeyPair
  createAccount(): KeyPair
  createUser(): KeyPair
}

/** The seed of a pair: what a `.nk` file holds. */
export function seedOf(pair: KeyPair): string {
  return Buffer.from(pair.getSeed()).toString()
}

/** A JWT of NATS: what `issuer` says of `subject`, in its own signature. */
export function makeJwt(
  issuer: KeyPair,
  subject: KeyPair,
  type: 'operator' | 'account' | 'user',
  claims: object
): string {
  const body = {
    jti: subject.getPublicKey(),
    iat: Math.floor(Date.now() / 1_000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: type,
    nats: { ...claims, type, version: 2 }
  }
  const text = [{ typ: 'JWT', alg: 'ed25519-nkey' }, body]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`
}

/** The content of a user's `.creds` file, as NATS's own tools write it. */
export function makeCreds(jwt: string, user: KeyPair): string {
  return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
${seedOf(user)}
------END USER NKEY SEED------

*************************************************************
`
}

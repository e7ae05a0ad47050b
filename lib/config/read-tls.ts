import { createPrivateKey, X509Certificate } from 'node:crypto'

/** The gateway's certificate, with those between it and its authority, and its key, as PEM. */
export interface TlsSetting {
  cert: string
  key: string
}

/** Reads TLS_CERT and TLS_KEY, empty where unset. @param refuse takes every mistake; nothing of the key is in it. */
export function readTls(
  { TLS_CERT: cert, TLS_KEY: key }: Readonly<Record<'TLS_CERT' | 'TLS_KEY', string>>,
  refuse: (problem: string) => void
): TlsSetting | null {
  if (cert === '' && key === '') return null
  if (cert === '') refuse('TLS_CERT: expected one with TLS_KEY, got none')
  if (key === '') refuse('TLS_KEY: expected one with TLS_CERT, got none')
  const certificate = cert === '' ? undefined : attempt(() => new X509Certificate(cert))
  const privateKey = key === '' ? undefined : attempt(() => createPrivateKey(key))
  if (cert !== '' && certificate === undefined)
    refuse('TLS_CERT: expected the content of a PEM file with a certificate, got something else')
  if (key !== '' && privateKey === undefined)
    refuse('TLS_KEY: expected the content of a PEM file with a private key, got something else')
  if (certificate !== undefined && privateKey !== undefined && !certificate.checkPrivateKey(privateKey))
    refuse('TLS_KEY: expected the key of TLS_CERT, got another one')
  return { cert, key }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

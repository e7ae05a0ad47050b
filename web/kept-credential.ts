/** The name in the tab's storage, which ends with the tab and which no other site can read. */
const NAME = 'quotecast.credential'

/** The token or key that has logged this tab in; null where there is none. */
export function keptCredential(): string | null {
  try {
    return sessionStorage.getItem(NAME)
  } catch {
    // A browser may forbid storage: then a login lasts as long as the page.
    return null
  }
}

/** Keeps a credential so that a reload need not ask again; null forgets it. */
export function keepCredential(credential: string | null): void {
  try {
    if (credential === null) sessionStorage.removeItem(NAME)
    else sessionStorage.setItem(NAME, credential)
  } catch {
    // As above.
  }
}

import { StoreError } from './store-error.ts'

/**
 * Makes sure that a driver can read a server's URL: what a driver itself throws about one shows it, password and all.
 * @throws StoreError `bad_url`, without the URL.
 */
export function checkUrl(url: string): void {
  try {
    const { username, password, pathname } = new URL(url)
    for (const part of [username, password, pathname]) decodeURIComponent(part)
  } catch {
    throw new StoreError(
      'bad_url',
      'expected a URL whose user and password have their special characters percent-encoded'
    )
  }
}

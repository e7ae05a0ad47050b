import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cleanUp, type Scope } from './clean-up.ts'

/** Serves texts by their paths on a free port, those that end in `.js` as modules and others as pages. @returns the origin. */
export async function serveSite(t: Scope, texts: Readonly<Record<string, string>>): Promise<string> {
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://site')
    const text = texts[pathname]
    const type = pathname.endsWith('.js') ? 'text/javascript' : 'text/html'
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': `${type}; charset=utf-8` }).end(text)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanUp(t, () => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

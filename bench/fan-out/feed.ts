import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** Takes what the publisher sends: lines of a topic, a space and an ASCII text. @returns the port. */
export async function openFeed(publish: (topic: string, text: string) => void): Promise<number> {
  const server = createServer(socket => {
    let rest = ''
    socket.setEncoding('latin1').on('data', (data: unknown) => {
      const lines = (rest + data).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const space = line.indexOf(' ')
        publish(line.slice(0, space), line.slice(space + 1))
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

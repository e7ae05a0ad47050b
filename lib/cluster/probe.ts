import { createConnection } from 'node:net'

const PROBE_MS = 1_000

/**
 * Connects to a port of 127.0.0.1, says something, and looks at what comes back.
 * @param accepts whether the bytes so far are the answer of a server that is ready; undefined asks for more
 * @returns false also when nothing listens, or no answer comes within a second
 */
export function probe(port: number, say: string, accepts: (reply: string) => boolean | undefined): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection(port, '127.0.0.1')
    let reply = ''
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    if (say !== '') socket.write(say)
    socket.on('data', data => {
      reply += data.toString('latin1')
      const answer = accepts(reply)
      if (answer !== undefined) end(answer)
    })
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
    socket.setTimeout(PROBE_MS, () => end(false))
  })
}

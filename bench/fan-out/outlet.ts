import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { OutletName } from './task.ts'

/** A connection on which texts are published to topics, nobody waiting for an answer. Texts are ASCII. */
export interface Outlet {
  send(topic: string, text: string): void
  /** Between the two, what is sent leaves in one write. */
  cork(): void
  uncork(): void
}

const NOTATIONS: Record<OutletName, { hello: string; publish: (topic: string, text: string) => string }> = {
  feed: { hello: '', publish: (topic, text) => `${topic} ${text}\n` },
  nats: {
    hello: 'CONNECT {"verbose":false}\r\n',
    publish: (topic, text) => `PUB ${topic} ${text.length}\r\n${text}\r\n`
  },
  nchan: {
    hello: '',
    publish: (topic, text) =>
      `POST /pub/${topic} HTTP/1.1\r\nHost: bench\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${text}`
  }
}

/** Connects to the server under test in the way that it is published to. */
export async function openOutlet(name: OutletName, port: number): Promise<Outlet> {
  const { hello, publish } = NOTATIONS[name]
  const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  socket.setEncoding('latin1').on('data', (text: unknown) => {
    if (name === 'nats' && String(text).includes('PING')) socket.write('PONG\r\n')
  })
  socket.on('error', error => {
    throw new Error(`${name}: the server under test closed the publisher`, { cause: error })
  })
  if (hello !== '') socket.write(hello)
  return {
    send: (topic, text) => void socket.write(publish(topic, text), 'latin1'),
    cork: () => socket.cork(),
    uncork: () => socket.uncork()
  }
}

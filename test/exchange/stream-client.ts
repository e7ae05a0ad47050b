import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { waitUntil } from '../kit/wait-until.ts'

/** A WebSocket client that keeps what it receives. */
export interface StreamClient {
  socket: WebSocket
  /** The frames' texts, in order. */
  frames: string[]
  /** The code with which the connection ended, once it has. */
  closed: Promise<number>
  send(message: object | string): void
  /** The first frame that contains a text, parsed; waits for it. */
  next(text: string): Promise<Record<string, unknown>>
}

/** Connects to a stream URL; ends the connection after the test. */
export async function openStream(t: TestContext, url: string): Promise<StreamClient> {
  const socket = new WebSocket(url)
  t.after(() => socket.terminate())
  const frames: string[] = []
  socket.on('message', data => frames.push(String(data)))
  const closed = new Promise<number>(resolve => socket.once('close', resolve))
  await once(socket, 'open')
  return {
    socket,
    frames,
    closed,
    send: message => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next: async text => {
      const find = () => frames.find(frame => frame.includes(text))
      await waitUntil(`a frame with ${text}`, async () => find() !== undefined)
      return JSON.parse(find()!) as Record<string, unknown>
    }
  }
}

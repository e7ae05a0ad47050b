/** As much of a WebSocket as the client uses: that of browsers and Node, or `ws`. */
export interface SocketLike {
  readonly readyState: number
  send(text: string): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
  addEventListener(type: 'error', listener: () => void): void
}

export type SocketConstructor = new (url: string, protocol: string) => SocketLike

/** The `readyState` of a connection that takes messages. */
export const OPEN = 1

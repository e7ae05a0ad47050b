/** A server under test: where clients connect, and what it does with what is published. */
export interface Gateway {
  port: number
  publish(topic: string, text: string): void
  /** What it counted, where it counts. */
  counters?(): Readonly<Record<string, number>>
}

/** What its process says when it is ready. */
export interface GatewayReady {
  port: number
  feedPort: number
  /** By the shared clock, when its own was 0. */
  originMicros: number
}

import { connect } from 'nats'
import type { Micros } from '../../lib/quote/quote.ts'
import type { Sample } from './clients.ts'
import { type Hop, HopTally } from './hops.ts'

/** What the stream of quotes is called at the server ends so. */
const STREAM = '-quotes'

/** Asks the server when it stored some batches, which parts the way from the feed to the gateway in two. */
export async function partAtStream(
  server: string,
  samples: readonly Sample[]
): Promise<{ publish: Hop; deliver: Hop }> {
  const connection = await connect({ servers: [server] })
  try {
    const { streams } = await connection.jetstreamManager()
    const names = (await streams.list().next()).map(({ config }) => config.name)
    const name = names.find(one => one.endsWith(STREAM)) ?? ''
    const publish = new HopTally()
    const deliver = new HopTally()
    for (const { sequence, publishedTime, time } of samples) {
      const stored = microsOf((await streams.getMessage(name, { seq: sequence })).timestamp)
      publish.add(stored - publishedTime)
      deliver.add(time - stored)
    }
    return { publish: publish.hop, deliver: deliver.hop }
  } finally {
    await connection.close()
  }
}

/** `2026-01-02T03:04:05.123456789Z`, with fewer digits where the last are zeros. */
function microsOf(timestamp: string): Micros {
  const [, seconds = '', fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(timestamp) ?? []
  return Date.parse(`${seconds}Z`) * 1_000 + Number(fraction.padEnd(6, '0').slice(0, 6))
}

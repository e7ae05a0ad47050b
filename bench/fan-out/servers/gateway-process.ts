import { answerCalls, readTask } from '../../kit/answer-calls.ts'
import { openFeed } from '../feed.ts'
import { sharedMicros } from '../shared-clock.ts'
import type { Form } from '../task.ts'
import type { Gateway } from './gateway.ts'
import { openQuotecast } from './quotecast.ts'
import { openSocketIo } from './socket-io.ts'
import { openWs } from './ws.ts'

/** A server under test that runs on this Node, in a process of its own. */
const GATEWAYS = {
  quotecast: openQuotecast,
  ws: openWs,
  'socket.io': openSocketIo
} as const satisfies Record<string, (form: Form) => Promise<Gateway>>

export type GatewayName = keyof typeof GATEWAYS

const { name, form } = readTask<{ name: GatewayName; form: Form }>()
const { port, publish, counters } = (await GATEWAYS[name](form)) as Gateway
const feedPort = await openFeed(publish)
answerCalls(
  { port, feedPort, originMicros: sharedMicros() - performance.now() * 1_000 },
  { collect: () => void globalThis.gc?.(), counters: () => counters?.() ?? {} }
)

import { answerCalls, readTask } from '../kit/answer-calls.ts'
import { formerOf } from './forms.ts'
import { openOutlet } from './outlet.ts'
import { sharedMicros } from './shared-clock.ts'
import type { Form, PublisherTask } from './task.ts'

/**
 * Publishes on a schedule that does not wait for anybody: a quote is timed from when it was due. Where the load is what clients can
 * receive, it keeps a window of quotes under way, that is published and not yet received by the slowest client that reads.
 */
const WINDOWS: Record<Form, number> = {
  updates: 1_000,
  ticks: 1_000,
  // Each of them is a write per client: more of them only wait longer.
  quotes: 200
}
const PASS_MS = 1

const task = readTask<PublisherTask>()
const { load } = task
const outlet = await openOutlet(task.outlet, task.port)
let published = 0
let received = 0

answerCalls(null, {
  start,
  received(quotes: number) {
    received = quotes
  },
  /** Quotes so far. */
  count: () => published
})

function start(): void {
  const former = formerOf(task.form, load, outlet)
  const begin = sharedMicros()
  const stepMicros = load.quotesPerSecond === null ? null : 1_000_000 / load.quotesPerSecond
  setInterval(() => {
    outlet.cork()
    const now = sharedMicros()
    const add = (time: number) => former.add(published, published++ % load.symbols, time)
    if (stepMicros === null) while (published < received + WINDOWS[task.form]) add(sharedMicros())
    else while (begin + published * stepMicros <= now) add(Math.round(begin + published * stepMicros))
    former.pass(now)
    outlet.uncork()
  }, PASS_MS)
}

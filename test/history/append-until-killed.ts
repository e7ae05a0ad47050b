import { openHistory } from '../../lib/history/open-history.ts'
import { makeQuotes } from './make-quote.ts'

// Appends batches of 100 to the file that is named and prints how many quotes are confirmed, until it is killed.
const [, , file] = process.argv
const store = await openHistory(`sqlite:${file}`)
for (let confirmed = 0; ; ) {
  await store.append(makeQuotes(100, { key: 'demo:spot:BTC-USDT', observedTime: confirmed }))
  confirmed += 100
  process.stdout.write(`${confirmed}\n`)
  // Lets the pipe drain, so that what is printed is seen.
  await new Promise(resolve => setImmediate(resolve))
}

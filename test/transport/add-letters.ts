import { readdirSync } from 'node:fs'
import { DeadLetterBox } from '../../lib/transport/dead-letter-box.ts'
import { newTransportCounters } from '../../lib/transport/transport-counters.ts'

// Adds letters of the given sizes to the folder that is named, and prints how each went and how many files there are.
const [, , folder = '', ...sizes] = process.argv
const box = new DeadLetterBox(folder, newTransportCounters())
for (const bytes of sizes.map(Number)) {
  const place = { stream: 'things', group: 'first', event: null, epoch: 'e', sequence: 1, node: 'n' }
  const letter = { ...place, reason: 'failed', error: 'no', deliveries: 3, time: 1, bytes } as const
  const outcome = await box.add(letter, Buffer.alloc(bytes)).then(
    () => 'kept',
    (error: NodeJS.ErrnoException) => error.code
  )
  process.stdout.write(`${outcome} ${readdirSync(folder).length}\n`)
}

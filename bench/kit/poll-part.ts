import { setTimeout as delay } from 'node:timers/promises'
import type { Part } from './part.ts'

const EVERY_MS = 100

/** Asks a process what it tells until that holds. @throws Error after `timeoutMs`, with what it told last. */
export async function pollPart<T>(part: Part<unknown>, timeoutMs: number, holds: (told: T) => boolean): Promise<T> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const told = await part.call<T>('tell')
    if (holds(told)) return told
    if (performance.now() > end)
      throw new Error(`it did not come so far within ${timeoutMs} ms: ${JSON.stringify(told)}`)
    await delay(EVERY_MS)
  }
}

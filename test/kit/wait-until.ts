import { setTimeout as delay } from 'node:timers/promises'

/** Waits until a condition holds, polling it. @throws when it does not within the time, naming what was waited for. */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 20_000
): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`)
    await delay(10)
  }
}

/** The task that this process was started with. */
export function readTask<T>(): T {
  return JSON.parse(process.argv[2] ?? '') as T
}

/** Says that this process is ready, and from then on answers the calls of the one that started it, with whom it ends. */
export function answerCalls(ready: unknown, calls: Record<string, (value: never) => unknown>): void {
  process.on('message', async ({ id, name, value }: { id: number; name: string; value: unknown }) => {
    try {
      process.send?.({ id, value: (await calls[name]?.(value as never)) ?? null })
    } catch (error) {
      process.send?.({ id, error: `${error}` })
    }
  })
  process.on('disconnect', () => process.exit())
  process.send?.({ id: 0, value: ready })
}

/** Says something unasked. */
export function tell(told: unknown): void {
  process.send?.({ told })
}

import type { ServiceBroker } from 'moleculer'
import { isEventPayload, runHandlers } from './local-handlers.ts'

/** Where an event was in its stream. */
export interface Place {
  epoch: string
  sequence: number
}

/** How an event ended that was handed to a group besides its stream. */
export type HandOverOutcome =
  | { kind: 'handled' }
  /** No node has a handler of the group. */
  | { kind: 'unhandled' }
  /** `retryable`: a resource is away. */
  | { kind: 'failed'; error: string; retryable: boolean }

/** Runs the handlers of a group on this node with an encoded event. Errors never leave it. */
export async function handOverHere(
  broker: ServiceBroker,
  decode: (data: Buffer) => unknown,
  group: string,
  data: Buffer,
  { epoch, sequence }: Place
): Promise<HandOverOutcome> {
  try {
    const payload = decode(data)
    if (!isEventPayload(payload, broker)) throw new Error(`expected an event of protocol ${broker.PROTOCOL_VERSION}`)
    const headers = { 'stream-epoch': epoch, 'stream-sequence': sequence, 'delivery-count': 1 }
    const outcome = await runHandlers(broker, payload, group, headers)
    if (outcome.kind !== 'failed') return outcome
    return { kind: 'failed', error: outcome.error.message, retryable: outcome.retry === 'always' }
  } catch (error) {
    return { kind: 'failed', error: (error as Error).message, retryable: false }
  }
}

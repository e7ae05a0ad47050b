import { SourceError } from '../source.ts'
import { STREAM_CHANNELS } from './stream-channels.ts'
import { symbolOf } from './symbols.ts'

/** Keeps a message at a few KiB; the venue names no limit. */
const STREAMS_PER_MESSAGE = 200

/**
 * The SUBSCRIBE messages for every channel of every key.
 * @throws SourceError `unsupported_channel`, `unsupported_key`
 */
export function subscribe(channels: readonly string[], keys: readonly string[], nextId: () => number): string[] {
  const unknown = channels.find(channel => !STREAM_CHANNELS.includes(channel))
  if (unknown !== undefined) {
    throw new SourceError('unsupported_channel', `expected one of ${STREAM_CHANNELS.join(', ')}, got ${unknown}`)
  }
  const streams = keys.flatMap(key => channels.map(channel => symbolOf(key).toLowerCase() + channel))
  const messages: string[] = []
  for (let from = 0; from < streams.length; from += STREAMS_PER_MESSAGE) {
    const params = streams.slice(from, from + STREAMS_PER_MESSAGE)
    messages.push(JSON.stringify({ method: 'SUBSCRIBE', params, id: nextId() }))
  }
  return messages
}

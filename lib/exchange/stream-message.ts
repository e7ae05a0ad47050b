/** A client's message, understood. */
export type StreamRequest =
  | { method: 'SUBSCRIBE' | 'UNSUBSCRIBE'; streams: string[]; id: MessageId }
  | { method: 'LIST_SUBSCRIPTIONS'; id: MessageId }

export type MessageId = number | string | null

/** A client's message, refused in the venue's form. */
export interface StreamRefusal {
  code: number
  msg: string
  id?: MessageId
}

const METHODS = ['SUBSCRIBE', 'UNSUBSCRIBE', 'LIST_SUBSCRIPTIONS'] as const

/** Reads a client's message. */
export function readStreamMessage(text: string): StreamRequest | StreamRefusal {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    return { code: 3, msg: 'Invalid JSON: expected value at line 1 column 1' }
  }
  if (typeof message !== 'object' || message === null) return { code: 2, msg: 'Invalid request: expected an object' }
  const { method, params, id } = message as Record<string, unknown>
  if (!isId(id)) return { code: 2, msg: 'Invalid request: request ID must be an unsigned integer' }
  if (method === undefined) return { code: 2, msg: 'Invalid request: missing field `method`', id }
  if (method === 'LIST_SUBSCRIPTIONS') return { method, id }
  if (method !== 'SUBSCRIBE' && method !== 'UNSUBSCRIBE') {
    const expected = METHODS.map(name => `\`${name}\``).join(', ')
    return { code: 2, msg: `Invalid request: unknown variant ${String(method)}, expected one of ${expected}`, id }
  }
  if (!Array.isArray(params) || !params.every(param => typeof param === 'string' && param !== '')) {
    return { code: 2, msg: 'Invalid request: stream names must be strings', id }
  }
  return { method, streams: params, id }
}

function isId(id: unknown): id is MessageId {
  return (
    id === null || (typeof id === 'number' && Number.isInteger(id)) || (typeof id === 'string' && /^\w{1,36}$/.test(id))
  )
}

/** Errors of the client protocol: the closed list of codes and their names. */
export const ERROR_NAMES = {
  400: 'bad_message',
  401: 'not_authenticated',
  402: 'auth_failed',
  403: 'forbidden',
  404: 'unknown',
  405: 'symbol_limit',
  406: 'connection_limit',
  407: 'slow_client',
  408: 'deadline',
  409: 'not_in_plan',
  413: 'too_big',
  429: 'rate_limited',
  440: 'cannot_resume',
  500: 'internal',
  503: 'not_ready'
} as const

export type ErrorCode = keyof typeof ERROR_NAMES
export type ErrorName = (typeof ERROR_NAMES)[ErrorCode]

/** Close codes: 4000-4099 do not reconnect, 4100-4199 back off, 4200-4299 reconnect as told. */
export const CLOSE_CODES = {
  protocol: 4000,
  expired: 4001,
  forbidden: 4003,
  connections: 4006,
  deadline: 4008,
  overloaded: 4100,
  slow: 4101,
  rate: 4129,
  drain: 4200,
  lostUpstream: 4201,
  noPong: 4202
} as const

export type CloseReason = keyof typeof CLOSE_CODES

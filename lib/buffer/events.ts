import { EVENT_PARAMS, type Events } from '../quote/events.ts'
import { typedEvents } from '../transport/typed-events.ts'

/** How services send and hear the events of `lib/quote/events.ts`. */
export const { publish, announce, on } = typedEvents<Events>(EVENT_PARAMS)

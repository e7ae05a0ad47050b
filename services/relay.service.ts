import type { Context, Service, ServiceSchema, ServiceSettingSchema } from 'moleculer'
import { on } from '../lib/buffer/events.ts'
import { RELAY_GROUP } from '../lib/buffer/streams.ts'
import { openRelay } from '../lib/relay/open-relay.ts'
import { newRelayCounters, type Relay, type RelayCounters } from '../lib/relay/relay.ts'
import { RelayError, type RelayErrorCode } from '../lib/relay/relay-error.ts'
import type { SessionRelayOptions } from '../lib/relay/session-relay.ts'
import { resource } from '../mixins/resource.ts'
import { settings } from '../moleculer.config.ts'

/** What stands in the way of batches for longer is told again so often. */
const TOLD_AGAIN_MS = 60_000

export interface RelayDeps {
  openRelay: (options: Pick<SessionRelayOptions, 'counters' | 'onAway' | 'onBack'>) => Promise<Relay>
}

export interface RelayStats {
  /** Batches that came, again or for the first time. */
  batches: number
  /** Quotes of batches that the broker has confirmed whole. */
  quotes: number
  /** Batches that were not confirmed whole; the stream delivers them again. */
  failed: number
  broker: RelayCounters
}

interface Vars {
  relay: Relay
}

/** Carries every quote to a message broker, at least once, and acknowledges a batch when the broker has confirmed all of it. */
export function relayService(deps: RelayDeps) {
  const broker = newRelayCounters()
  const counters = { batches: 0, quotes: 0, failed: 0 }
  const told = new Map<RelayErrorCode, number>()

  const tell = ({ logger }: Service, error: RelayError) => {
    // That the broker is away is told by `onAway`, and what is under way at the end comes again.
    if (error.isAway || error.code === 'closed') return
    const now = performance.now()
    if (now - (told.get(error.code) ?? Number.NEGATIVE_INFINITY) < TOLD_AGAIN_MS) return
    told.set(error.code, now)
    logger.warn({ code: error.code }, `relay.held: quotes wait in the stream: ${error.message}`)
  }
  const open = ({ logger }: Service) =>
    deps.openRelay({
      counters: broker,
      onAway: error => logger.warn({ code: error.code }, `relay.away: quotes wait in the stream: ${error.message}`),
      onBack: () => logger.info('relay.back')
    })

  return {
    name: 'relay',
    mixins: [resource('relay', open)],
    events: on(
      'quotes.received',
      async function (ctx) {
        const { quotes } = ctx.params
        counters.batches++
        try {
          await (this as Service & Vars).relay.publish(quotes)
          counters.quotes += quotes.length
        } catch (error) {
          counters.failed++
          if (error instanceof RelayError) tell(this, error)
          throw error
        }
      },
      RELAY_GROUP
    ),
    actions: {
      stats(_ctx: Context): RelayStats {
        return { ...counters, broker: { ...broker } }
      }
    }
  } satisfies ServiceSchema<ServiceSettingSchema, object, Vars>
}

export default relayService({ openRelay: options => openRelay(settings.relay, options) })

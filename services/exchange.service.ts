import type { ServiceSchema } from 'moleculer'
import {
  EXCHANGE_DEFAULTS,
  type Exchange,
  type ExchangeOptions,
  type ExchangeStatus,
  startExchange
} from '../lib/exchange/exchange.ts'
import { settings } from '../moleculer.config.ts'

export interface ExchangeDeps {
  options: () => Partial<ExchangeOptions>
  /** The host name under which other processes reach this one; without it the address that is listened on. */
  advertise?: () => string | undefined
}

/** Where the demo exchange answers: base URLs for a source of kind `binance`. */
export interface ExchangeEndpoints {
  rest: string
  stream: string
}

/** Runs the bundled demo exchange: the default market, which needs no network. Its prices are synthetic. */
export function exchangeService({ options, advertise }: ExchangeDeps) {
  let exchange: Exchange | undefined
  const running = (): Exchange => {
    if (exchange === undefined) throw new Error('exchange: not started')
    return exchange
  }
  return {
    name: 'exchange',
    actions: {
      endpoints(): ExchangeEndpoints {
        const { url, streamUrl, port } = running()
        const host = advertise?.()
        return host === undefined
          ? { rest: url, stream: streamUrl }
          : { rest: `http://${host}:${port}`, stream: `ws://${host}:${port}` }
      },
      stats(): ExchangeStatus {
        return running().status()
      }
    },
    async started() {
      const chosen = { ...EXCHANGE_DEFAULTS, ...options() }
      exchange = await startExchange(chosen)
      this.logger.warn('DEMO market: prices are not real', { market: chosen.market.kind, url: exchange.url })
    },
    async stopped() {
      await exchange?.close()
    }
  } satisfies ServiceSchema
}

export default exchangeService({
  options: () => (settings.advertise === '' ? {} : { host: '0.0.0.0' }),
  advertise: () => settings.advertise || undefined
})

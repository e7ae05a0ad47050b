import type { Scope } from '../../test/kit/clean-up.ts'
import type { DialectName } from './dialects.ts'
import { startNatsWebSocket } from './servers/nats.ts'
import { startNchan } from './servers/nchan.ts'
import type { Running } from './servers/running.ts'
import { startGateway } from './servers/start-gateway.ts'
import { startUws } from './servers/uws.ts'
import type { Form, OutletName } from './task.ts'

/** A server under test and the form in which it gets the quotes: a row of the report. */
export interface System {
  name: string
  form: Form
  dialect: DialectName
  outlet: OutletName
  /** Rejects when something that it needs is not installed. */
  start(scope: Scope): Promise<Running>
}

type Peer = Omit<System, 'form' | 'start'> & { start(scope: Scope, form: Form): Promise<Running> }

const PEERS: readonly Peer[] = [
  { name: 'ws', dialect: 'topics', outlet: 'feed', start: (scope, form) => startGateway(scope, 'ws', form) },
  {
    name: 'socket.io',
    dialect: 'socket.io',
    outlet: 'feed',
    start: (scope, form) => startGateway(scope, 'socket.io', form)
  },
  { name: 'nats-server', dialect: 'nats', outlet: 'nats', start: startNatsWebSocket },
  { name: 'nchan', dialect: 'nchan', outlet: 'nchan', start: startNchan },
  { name: 'uWebSockets', dialect: 'topics', outlet: 'feed', start: startUws }
]

export const QUOTECAST: System = {
  name: 'quotecast',
  form: 'updates',
  dialect: 'quotecast',
  outlet: 'feed',
  start: scope => startGateway(scope, 'quotecast', 'updates')
}

/** Every peer twice: as one uses it, a message per quote; and with the ticks that quotecast makes, made for it by the publisher. */
export const SYSTEMS: readonly System[] = [
  QUOTECAST,
  ...PEERS.flatMap(({ start, ...peer }) =>
    (['quotes', 'ticks'] as const).map(form => ({
      ...peer,
      form,
      name: form === 'ticks' ? `${peer.name}, ticks` : peer.name,
      start: (scope: Scope) => start(scope, form)
    }))
  )
]

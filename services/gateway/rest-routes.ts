import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from 'moleculer'
import type { ApiSettingsSchema } from 'moleculer-web'
import { problemOf, sendProblem } from '../../lib/push/http-problem.ts'
import type { Visits } from '../../lib/push/visits.ts'
import type { RestMeta } from './rest-answer.ts'

/** Which path leads to which action: the settings of moleculer-web. The port is opened by PushServer; moleculer-web only routes. */
export function restRoutes(visits: Visits): ApiSettingsSchema {
  return {
    server: false,
    logRequest: null,
    logResponse: null,
    logRequestParams: null,
    logRouteRegistration: 'debug',
    onError(_request: IncomingMessage, response: ServerResponse, error: unknown) {
      sendProblem(response, problemOf(error))
    },
    routes: [
      {
        path: '/api/v1',
        bodyParsers: false,
        logging: false,
        onBeforeCall({ meta }: Context, _route: unknown, request: IncomingMessage, response: ServerResponse) {
          ;(meta as RestMeta).visit = visits.enter(request, response)
        },
        aliases: {
          'GET quotes': 'gateway.quotes',
          'GET quotes/:key': 'gateway.quote',
          'GET quotes/:key/history': 'gateway.history',
          'GET admin/sessions': 'gateway.adminSessions',
          'GET admin/sessions/:id': 'gateway.adminSession',
          'POST admin/kick': 'gateway.adminKick',
          'GET admin/limits': 'gateway.adminLimits',
          'PATCH admin/limits': 'gateway.adminChangeLimits',
          'POST admin/drain': 'gateway.adminDrain',
          'POST admin/undrain': 'gateway.adminUndrain'
        }
      },
      {
        path: '/',
        bodyParsers: false,
        logging: false,
        // Health checks of load balancers often ask by HEAD.
        aliases: {
          'GET health': 'gateway.health',
          'HEAD health': 'gateway.health',
          'GET ready': 'gateway.ready',
          'HEAD ready': 'gateway.ready'
        }
      }
    ],
    $secureSettings: ['onError', 'routes']
  }
}

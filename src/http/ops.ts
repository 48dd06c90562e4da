/** What operators and their machines ask: is it alive, can it serve, how is it doing, what does the API look like. */

import type { ServerResponse } from 'node:http'
import { sql } from 'kysely'
import { HeadwaterError } from '../lib/failure.ts'
import type { Clock } from '../ports.ts'
import type { Db } from '../tables.ts'
import type { Metrics } from './metrics.ts'
import type { ByteHandler, ByteRoute } from './route.ts'

export type OpsDeps = {
  readonly db: Db
  readonly clock: Clock
  readonly metrics: Metrics
  /** The OpenAPI document as JSON text; `publicUrl` is the server's base. */
  readonly openApi: (publicUrl: string) => string
}

/** A database that has not answered by then counts as not answering. */
const READY_MS = 2_000

/** `/healthz` (the process answers), `/readyz` (the database too), `/metrics`, `/openapi.json`. */
export function opsRoutes(deps: OpsDeps): ByteRoute[] {
  return [
    route(/^\/healthz$/, async (_request, _incoming, outgoing) => {
      answer(outgoing, 200, 'text/plain; charset=utf-8', 'ok\n')
    }),
    route(/^\/readyz$/, async (_request, _incoming, outgoing) => {
      const ready = await databaseAnswers(deps)
      answer(
        outgoing,
        ready ? 200 : 503,
        'text/plain; charset=utf-8',
        ready ? 'ready\n' : 'the database does not answer\n',
      )
    }),
    route(/^\/metrics$/, async (_request, _incoming, outgoing) => {
      answer(outgoing, 200, deps.metrics.contentType, await deps.metrics.format())
    }),
    route(/^\/openapi\.json$/, async (request, _incoming, outgoing) => {
      answer(outgoing, 200, 'application/json', deps.openApi(request.publicUrl))
    }),
  ]
}

function route(pattern: RegExp, handle: ByteHandler): ByteRoute {
  return {
    pattern,
    failures: 'plain',
    handle: async (request, incoming, outgoing) => {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        throw new HeadwaterError('method_not_allowed', `This address takes GET, not ${request.method}.`, {
          facts: { allow: 'GET, HEAD' },
        })
      }
      await handle(request, incoming, outgoing)
    },
  }
}

function answer(outgoing: ServerResponse, status: number, contentType: string, body: string): void {
  outgoing.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  outgoing.end(outgoing.req.method === 'HEAD' ? undefined : body)
}

async function databaseAnswers({ db, clock }: OpsDeps): Promise<boolean> {
  const timer = new AbortController()
  const answered = sql`select 1`.execute(db).then(
    () => true,
    () => false,
  )
  const late = clock.sleep(READY_MS, timer.signal).then(() => false)
  const ready = await Promise.race([answered, late])
  timer.abort()
  return ready
}

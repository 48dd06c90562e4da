/** Everything that happens between a request and its answer: its id, its address, its route, its failure, its line in the log. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { HeadwaterError, isFailure } from '../lib/failure.ts'
import type { Log } from '../lib/log.ts'
import type { Clock } from '../ports.ts'
import type { Db } from '../tables.ts'
import { type ApiDeps, apiEndpoints } from './api/index.ts'
import { BodyPace, type Pace } from './body-pace.ts'
import { type Refusal, refuseMessage } from './check-message.ts'
import type { Connections } from './connections.ts'
import { tellFailure } from './tell-failure.ts'
import { answerFailure } from './failure-answer.ts'
import type { HttpSettings } from './http-settings.ts'
import { createJsonApp, type JsonApp, type RequestContext } from './json-app.ts'
import { createMatchRoute, type MatchRoute } from './match-route.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { formatOpenApi } from './openapi.ts'
import { opsRoutes } from './ops.ts'
import { RepeatedRequests } from './repeated-requests.ts'
import type { AnswerOnce } from './repeats.ts'
import type { CountRequest } from './rate-limit.ts'
import {
  createFindPublicUrl,
  type FindPublicUrl,
  parseTarget,
  type RequestTarget,
} from './request-address.ts'
import type { ByteRoute } from './route.ts'
import { signIn } from './sign-in.ts'
import { createFindViewer, type FindViewer } from './find-viewer.ts'

/** What requests are answered with. */
export type RequestDeps = Omit<ApiDeps, 'findPublicUrl' | 'signIn'> & {
  readonly db: Db
  readonly clock: Clock
  readonly log: Log
  readonly settings: HttpSettings
  readonly countRequest: CountRequest
  readonly answerOnce: AnswerOnce
  /** Number of jobs by state, for `/metrics`. */
  readonly countJobs: () => Promise<Readonly<Record<string, number>>>
}

export type RequestOptions = {
  /** Tried in order, after our own and before the JSON API. */
  readonly byteRoutes: readonly ByteRoute[]
  /** Those that the requests come on. */
  readonly connections: Connections
  /** The least pace of a body. */
  readonly pace: Pace
}

/** What is remembered of a running request. */
type Running = RequestContext & {
  route: string
  /** `none`: not worth a log line of its own, like media segments. */
  logAs: 'api' | 'none'
  failure: unknown
}

/** The server's own list of routes and its listener; nothing here listens by itself. */
export class Requests {
  readonly #deps: RequestDeps
  readonly #matchRoute: MatchRoute
  readonly #findPublicUrl: FindPublicUrl
  readonly #findViewer: FindViewer
  readonly #json: JsonApp
  readonly #metrics: Metrics
  readonly #connections: Connections
  readonly #pace: BodyPace
  readonly #repeated: RepeatedRequests
  readonly #running = new WeakMap<IncomingMessage, Running>()
  #draining = false

  constructor(deps: RequestDeps, { byteRoutes, connections, pace }: RequestOptions) {
    this.#deps = deps
    this.#connections = connections
    this.#pace = new BodyPace(pace, (incoming) => this.#cutSlow(incoming))
    this.#findPublicUrl = createFindPublicUrl(deps.settings)
    this.#findViewer = createFindViewer(deps.settings)
    this.#metrics = createMetrics(deps.countJobs)
    this.#repeated = new RepeatedRequests({
      ...deps,
      peersDiffer: deps.settings.trustedProxies !== null,
      onAnswered: (route) => this.#metrics.observe({ method: 'GET', route, status: 200, seconds: 0 }),
    })
    const shared = { ...deps, signIn: signIn(deps), findPublicUrl: this.#findPublicUrl }
    const endpoints = apiEndpoints(shared)
    this.#matchRoute = createMatchRoute([
      ...opsRoutes({
        ...deps,
        metrics: this.#metrics,
        openApi: (publicUrl) => formatOpenApi(endpoints, publicUrl),
      }),
      ...byteRoutes,
    ])
    this.#json = createJsonApp({
      ...shared,
      endpoints,
      contextOf: (incoming) => this.#contextOf(incoming),
    })
  }

  ready(): Promise<void> {
    return this.#json.ready()
  }

  /** From now on every answer asks its client to close. */
  drain(): void {
    this.#draining = true
    this.#repeated.stop()
  }

  async close(): Promise<void> {
    await this.#json.close()
    this.#metrics.close()
    this.#pace.close()
  }

  readonly listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const { socket } = incoming
    if (!this.#connections.begin(socket, outgoing)) return
    const running = this.#begin(incoming, outgoing)
    outgoing.setHeader('x-request-id', running.requestId)
    // What a browser is told something is, it is (Fetch §3.6): no caption, name or image of a stranger becomes a page.
    outgoing.setHeader('x-content-type-options', 'nosniff')
    // Unless the route says that pages of others may show it (Fetch §3.7).
    outgoing.setHeader('cross-origin-resource-policy', 'same-origin')
    const refusal = refuseMessage(incoming)
    if (refusal !== undefined) {
      this.#connections.refuse(socket)
      answerRefusal(outgoing, refusal)
      return
    }
    this.#pace.watch(incoming)
    if (this.#draining) outgoing.setHeader('connection', 'close')
    let target: RequestTarget
    try {
      target = parseTarget(incoming.url ?? '/')
    } catch (error) {
      this.#fail(incoming, outgoing, error, isApiPath(incoming.url ?? '') ? 'envelope' : 'plain')
      return
    }
    const method = incoming.method ?? 'GET'
    const found = this.#matchRoute(target.path, method, incoming)
    if (found !== undefined) {
      running.route = found.template
      running.logAs = found.route.failures === 'plain' ? 'none' : 'api'
      void this.#runRoute(incoming, outgoing, { ...found, target, method, requestId: running.requestId })
    } else if (isApiPath(target.path)) {
      running.logAs = 'api'
      incoming.url = target.local
      this.#json.handle(incoming, outgoing)
    } else {
      this.#fail(incoming, outgoing, new HeadwaterError('not_found', 'There is nothing here.'), 'plain')
    }
  }

  async #runRoute(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    found: {
      route: ByteRoute
      template: string
      params: Readonly<Record<string, string>>
      target: RequestTarget
      method: string
      requestId: string
    },
  ): Promise<void> {
    const { route, params, target, method, requestId } = found
    const gone = new AbortController()
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) gone.abort(new HeadwaterError('bad_request', 'The client has gone.'))
    })
    try {
      await route.handle(
        {
          method,
          path: target.path,
          query: new URLSearchParams(target.search),
          params,
          requestId,
          publicUrl: this.#findPublicUrl(incoming),
          viewer: this.#findViewer(incoming),
          keepAnswer: (body, secondsLeft) =>
            this.#repeated.keep({ incoming, outgoing }, { route: found.template, body, secondsLeft }),
          signal: gone.signal,
        },
        incoming,
        outgoing,
      )
    } catch (error) {
      if (gone.signal.aborted) outgoing.destroy()
      else this.#fail(incoming, outgoing, error, route.failures)
    }
  }

  #begin(incoming: IncomingMessage, outgoing: ServerResponse): Running {
    const startMs = this.#deps.clock.monotonicMs()
    const running: Running = {
      requestId: this.#deps.clock.newUid(),
      route: 'none',
      logAs: 'none',
      failure: undefined,
      nameRoute: (template) => {
        running.route = template
      },
      reportFailure: (error) => {
        running.failure = error
      },
    }
    this.#running.set(incoming, running)
    this.#repeated.begin(incoming, outgoing)
    outgoing.once('close', () => this.#end(incoming, outgoing, running, startMs))
    return running
  }

  #end(incoming: IncomingMessage, outgoing: ServerResponse, running: Running, startMs: number): void {
    const ms = this.#deps.clock.monotonicMs() - startMs
    const method = incoming.method ?? ''
    const status = outgoing.headersSent ? outgoing.statusCode : 499
    this.#metrics.observe({ method, route: running.route, status, seconds: ms / 1000 })
    const { requestId, route, failure } = running
    const facts = { requestId, method, route, status, ms: Math.round(ms) }
    if (isOurs(failure)) this.#deps.log.error({ ...facts, err: failure }, 'request failed')
    else if (running.logAs === 'api') {
      this.#deps.log.info(
        isFailure(failure) ? { ...facts, code: failure.code, reason: failure.message } : facts,
        'request',
      )
    }
  }

  /** Cut, not answered: clients of uploads go on after a broken connection, and give up after a 4xx. */
  #cutSlow(incoming: IncomingMessage): void {
    const { pace } = this.#pace
    this.#contextOf(incoming).reportFailure(
      new HeadwaterError(
        'request_timeout',
        `A body must bring ${pace.bytes} bytes in every ${pace.withinMs / 1_000} s; this one is slower.`,
      ),
    )
    incoming.socket.destroy()
  }

  #contextOf(incoming: IncomingMessage): RequestContext {
    const running = this.#running.get(incoming)
    if (running === undefined)
      throw new HeadwaterError('internal', 'A request reached the API past the server.')
    return running
  }

  #fail(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    error: unknown,
    manner: ByteRoute['failures'],
  ): void {
    const running = this.#contextOf(incoming)
    running.reportFailure(error)
    answerFailure(incoming, outgoing, tellFailure(error, running.requestId), manner)
  }
}

/** A refusal of what may not even be a request; like those that the server gives without an answer object. */
function answerRefusal(outgoing: ServerResponse, refusal: Refusal): void {
  outgoing.statusCode = Number.parseInt(refusal, 10)
  outgoing.setHeader('connection', 'close')
  outgoing.setHeader('access-control-allow-origin', '*')
  outgoing.setHeader('content-type', 'text/plain; charset=utf-8')
  outgoing.setHeader('content-length', refusal.length + 1)
  outgoing.end(`${refusal}\n`)
}

/** Whether the one who runs the server should hear of it. */
function isOurs(failure: unknown): boolean {
  if (failure === undefined) return false
  return !isFailure(failure) || failure.kind === 'bug' || failure.kind === 'outside'
}

/** The API and the dashboard's own calls answer unknown addresses with an envelope, everything else with a line of text. */
function isApiPath(path: string): boolean {
  return path.startsWith('/client/') || path.startsWith('/dashboard/')
}

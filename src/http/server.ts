/**
 * The one HTTP server of the process. It listens, gives every request an id, an address and an end, and hands it to the
 * first byte route that takes it, else to the JSON API. It owns its sockets: after `close` none is left, and a crash
 * leaves none either.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { HeadwaterError, isFailure } from '../lib/failure.ts'
import type { Log } from '../lib/log.ts'
import type { Clock } from '../ports.ts'
import type { Db } from '../tables.ts'
import { apiEndpoints, type ApiDeps } from './api/index.ts'
import { tellFailure } from './errors.ts'
import { answerFailure } from './failure-answer.ts'
import type { HttpSettings } from './http-settings.ts'
import { createJsonApp, type JsonApp, type RequestContext } from './json-app.ts'
import { createMatchRoute, type MatchRoute } from './match-route.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { formatOpenApi } from './openapi.ts'
import { opsRoutes } from './ops.ts'
import { createRateLimit } from './rate-limit.ts'
import {
  createFindPublicUrl,
  type FindPublicUrl,
  parseTarget,
  type RequestTarget,
} from './request-address.ts'
import type { ByteRoute } from './route.ts'
import { signIn } from './sign-in.ts'

export type HttpServerDeps = Omit<ApiDeps, 'findPublicUrl' | 'signIn'> & {
  readonly db: Db
  readonly clock: Clock
  readonly log: Log
  readonly settings: HttpSettings
  /** Number of jobs by state, for `/metrics`. */
  readonly countJobs: () => Promise<Readonly<Record<string, number>>>
}

export type HttpServerOptions = {
  /** Tried in order, after our own `/healthz` and the like and before the JSON API. */
  readonly byteRoutes: readonly ByteRoute[]
  /** A connection on which no byte moves in either direction is cut after this long; default 120 s. */
  readonly idleMs?: number
}

export type HttpServer = {
  /** Port 0 picks a free one. Rejects when the port is taken. */
  listen(port: number, host: string): Promise<{ port: number }>
  /** Stops accepting, lets running requests end for `graceMs`, then cuts them. A second call waits for the first. */
  close(graceMs: number): Promise<void>
}

/** A client gets this long for its request line and headers. */
const HEADERS_MS = 20_000
const IDLE_MS = 120_000
/** How long a connection may wait between two requests: longer than the 60 s of common proxies. */
const KEEP_ALIVE_MS = 75_000
const HEADER_BYTES = 16_384

/** Builds the server; it listens once told to. */
export function createHttpServer(deps: HttpServerDeps, options: HttpServerOptions): HttpServer {
  const requests = new Requests(deps, options)
  const server = createServer({
    maxHeaderSize: HEADER_BYTES,
    headersTimeout: HEADERS_MS,
    // An upload may take hours; whoever stands still is cut by the idle limit.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 5_000,
    noDelay: true,
  })
  server.timeout = options.idleMs ?? IDLE_MS
  server.on('request', requests.listener)
  // Whoever reads the body sends the 100, so that a refusal comes before the bytes.
  server.on('checkContinue', requests.listener)
  server.on('clientError', answerBrokenRequest)
  let closing: Promise<void> | undefined
  return {
    listen: async (port, host) => {
      await requests.ready()
      return listen(server, port, host)
    },
    close: (graceMs) => {
      closing ??= close(server, requests, deps.clock, graceMs)
      return closing
    },
  }
}

async function listen(server: Server, port: number, host: string): Promise<{ port: number }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return { port: (server.address() as AddressInfo).port }
}

async function close(server: Server, requests: Requests, clock: Clock, graceMs: number): Promise<void> {
  requests.drain()
  const timer = new AbortController()
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  void clock.sleep(graceMs, timer.signal).then(() => {
    if (!timer.signal.aborted) server.closeAllConnections()
  })
  await closed
  timer.abort()
  await requests.close()
}

/** What is no HTTP at all is answered by hand and cut; node has no response object for it. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${status.length + 1}\r\n\r\n${status}\n`,
  )
}

/** What is remembered of a running request. */
type Running = RequestContext & {
  route: string
  /** `none`: not worth a log line of its own, like media segments. */
  logAs: 'api' | 'none'
  failure: unknown
}

/** Everything that happens between a request and its answer. */
class Requests {
  readonly #deps: HttpServerDeps
  readonly #matchRoute: MatchRoute
  readonly #findPublicUrl: FindPublicUrl
  readonly #json: JsonApp
  readonly #metrics: Metrics
  readonly #running = new WeakMap<IncomingMessage, Running>()
  #draining = false

  constructor(deps: HttpServerDeps, options: HttpServerOptions) {
    this.#deps = deps
    this.#findPublicUrl = createFindPublicUrl(deps.settings)
    this.#metrics = createMetrics(deps.countJobs)
    const shared = { ...deps, signIn: signIn(deps), findPublicUrl: this.#findPublicUrl }
    const endpoints = apiEndpoints(shared)
    this.#matchRoute = createMatchRoute([
      ...opsRoutes({
        ...deps,
        metrics: this.#metrics,
        openApi: (publicUrl) => formatOpenApi(endpoints, publicUrl),
      }),
      ...options.byteRoutes,
    ])
    this.#json = createJsonApp({
      ...shared,
      countRequest: createRateLimit(deps.clock, deps.settings.rateLimit),
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
  }

  async close(): Promise<void> {
    await this.#json.close()
    this.#metrics.close()
  }

  readonly listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const running = this.#begin(incoming, outgoing)
    outgoing.setHeader('x-request-id', running.requestId)
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

/** Whether the one who runs the server should hear of it. */
function isOurs(failure: unknown): boolean {
  if (failure === undefined) return false
  return !isFailure(failure) || failure.kind === 'bug' || failure.kind === 'outside'
}

/** The API and the dashboard's own calls answer unknown addresses with an envelope, everything else with a line of text. */
function isApiPath(path: string): boolean {
  return path.startsWith('/client/') || path.startsWith('/dashboard/')
}

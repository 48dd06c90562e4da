/**
 * The one HTTP server of the process. It listens, gives every request an id, an address and an end, and hands it to the
 * first byte route that takes it, else to the JSON API. It owns its sockets: after `close` none is left, and a crash
 * leaves none either.
 */

import { createServer, type Server } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../ports.ts'
import { LEAST_PACE, type Pace } from './body-pace.ts'
import { MOST_HEADER_BYTES, MOST_HEADERS, type Refusal } from './check-message.ts'
import { Connections } from './connections.ts'
import { type RequestDeps, Requests } from './requests.ts'
import type { ByteRoute } from './route.ts'

export type HttpServerOptions = {
  /** Tried in order, after our own `/healthz` and the like and before the JSON API. */
  readonly byteRoutes: readonly ByteRoute[]
  /** A connection on which no byte moves in either direction is cut after this long; default 120 s. */
  readonly idleMs?: number
  /** A client gets this long for its request line and headers, then 408; default 20 s. */
  readonly headersMs?: number
  /** A connection that waits for its next request is closed after this long; default 75 s. */
  readonly keepAliveMs?: number
  /** The least pace of a body; default `LEAST_PACE`. */
  readonly pace?: Pace
  /** Connections at a time; default 4,096. */
  readonly maxConnections?: number
}

/** After how many milliseconds node cuts a connection for what; 0 = never. */
export type ConnectionLimits = {
  readonly headersMs: number
  /** From the first byte of a request to the last of its body. */
  readonly requestMs: number
  readonly idleMs: number
  readonly keepAliveMs: number
  readonly pace: Pace
}

export type HttpServer = {
  /** The limits in force, as node's own server tells them. */
  readonly limits: () => ConnectionLimits
  /** Port 0 picks a free one. Rejects when the port is taken. */
  listen(port: number, host: string): Promise<{ port: number }>
  /** Stops accepting, lets running requests end for `graceMs`, then cuts them. A second call waits for the first. */
  close(graceMs: number): Promise<void>
}

const HEADERS_MS = 20_000
/** How often node looks for connections that took too long over their headers. */
const CHECK_MS = 5_000
const IDLE_MS = 120_000
/** How long a connection may wait between two requests: longer than the 60 s of common proxies. */
const KEEP_ALIVE_MS = 75_000
const MOST_CONNECTIONS = 4_096
/** How long whoever sent no HTTP has to read what it is told. */
const LINGER_MS = 2_000

/** Builds the server; it listens once told to. */
export function createHttpServer(deps: RequestDeps, options: HttpServerOptions): HttpServer {
  const connections = new Connections(options.maxConnections ?? MOST_CONNECTIONS)
  const pace = options.pace ?? LEAST_PACE
  const requests = new Requests(deps, { byteRoutes: options.byteRoutes, connections, pace })
  const headersMs = options.headersMs ?? HEADERS_MS
  const server = createServer({
    maxHeaderSize: MOST_HEADER_BYTES,
    headersTimeout: headersMs,
    // An upload may take hours; whoever stands still is cut by the idle limit, whoever crawls by the least pace.
    requestTimeout: 0,
    // Whatever the process was started with.
    insecureHTTPParser: false,
    // Node's own refusal goes on with what follows on the connection; ours does not.
    requireHostHeader: false,
    keepAliveTimeout: options.keepAliveMs ?? KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(CHECK_MS, headersMs),
    noDelay: true,
  })
  server.timeout = options.idleMs ?? IDLE_MS
  // Beyond it node drops headers without a word: one more than may be is enough to see that there are too many.
  server.maxHeadersCount = MOST_HEADERS + 1
  server.on('connection', (socket: Socket) => connections.add(socket))
  server.on('request', requests.listener)
  // Whoever reads the body sends the 100, so that a refusal comes before the bytes.
  server.on('checkContinue', requests.listener)
  server.on('checkExpectation', requests.listener)
  server.on('connect', (_incoming, socket) => endWith(socket, '501 Not Implemented'))
  server.on('clientError', (error, socket) => {
    // What follows a refused request is nothing; the refusal ends the connection.
    if (socket instanceof Socket && connections.isRefused(socket)) return
    if (!(socket instanceof Socket) || connections.isAnswering(socket)) socket.destroy()
    else answerBrokenRequest(error, socket)
  })
  let closing: Promise<void> | undefined
  return {
    limits: () => ({
      headersMs: server.headersTimeout,
      requestMs: server.requestTimeout,
      idleMs: server.timeout,
      keepAliveMs: server.keepAliveTimeout,
      pace,
    }),
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

/** What is no HTTP at all is answered by hand; node has no response object for it. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') endWith(socket, '431 Request Header Fields Too Large')
  else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') endWith(socket, '408 Request Timeout')
  else endWith(socket, '400 Bad Request')
}

/**
 * Says why and closes. Nobody knows which address was meant, so any page may read the status: one that sends too many
 * headers must learn that sending them again is no use. What still comes is thrown away for a moment, since closing while
 * bytes are under way would reset the connection before the answer is read.
 */
function endWith(socket: Duplex, status: Refusal): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer)).on('error', () => undefined)
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\nX-Content-Type-Options: nosniff\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${status.length + 1}\r\n\r\n${status}\n`,
  )
}

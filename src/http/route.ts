/**
 * What a byte route is: a request that goes past the JSON framework, because its body or its answer is media. The
 * server tries these first, in order; whatever none of them matches is the JSON API's.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Viewer } from '../core/protection/index.ts'

export type ByteRequest = {
  /** Upper case; `X-HTTP-Method-Override` is the handler's business. */
  readonly method: string
  /** Percent-decoded path without the query, one trailing slash removed. */
  readonly path: string
  readonly query: URLSearchParams
  /** Named parts the route's pattern found. */
  readonly params: Readonly<Record<string, string>>
  /** Sent back as `x-request-id`. */
  readonly requestId: string
  /** Base of the addresses handed out, without a trailing slash. */
  readonly publicUrl: string
  readonly viewer: Viewer
  /**
   * May be told just before a text is sent that it depends on nothing but the words of the request and the database, for
   * `secondsLeft` at most; see `repeated-requests.ts`.
   */
  readonly keepAnswer: (text: string, secondsLeft: number | null) => void
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal
}

export type ByteHandler = (
  request: ByteRequest,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
) => Promise<void>

export type ByteRoute = {
  /** Matched against `ByteRequest.path`; named groups become `params`. */
  readonly pattern: RegExp
  /** Which requests on that path are taken; default all methods. */
  readonly accepts?: (method: string, incoming: IncomingMessage) => boolean
  /** How a thrown failure is told: `envelope` (API JSON), `plain` (one line of text), `tus` (API JSON with the headers of tus answers). */
  readonly failures: 'envelope' | 'plain' | 'tus'
  readonly handle: ByteHandler
}

/** Small public JSON answers beside the API: readable by any page. */

import type { IncomingMessage, ServerResponse } from 'node:http'

/** Answers a `GET` or `HEAD` with `value`. */
export function sendJson(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  value: unknown,
  cacheControl: string,
): void {
  const body = Buffer.from(JSON.stringify(value))
  outgoing.setHeader('content-type', 'application/json')
  outgoing.setHeader('cache-control', cacheControl)
  outgoing.setHeader('access-control-allow-origin', '*')
  outgoing.setHeader('cross-origin-resource-policy', 'cross-origin')
  outgoing.setHeader('content-length', body.length)
  outgoing.end(incoming.method === 'HEAD' ? undefined : body)
}

/** Tells a failure to a client over a plain `ServerResponse`, in the manner of the route it came from. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { formatFailure } from './envelope.ts'
import type { ToldFailure } from './tell-failure.ts'
import type { ByteRoute } from './route.ts'
import { TUS_ANSWER_HEADERS } from './tus-headers.ts'

/** Headers of the answer that was meant, which would be wrong on the failure that is sent instead. */
const HEADERS_OF_THE_BODY = [
  'content-length',
  'content-type',
  'content-encoding',
  'content-disposition',
  'content-range',
  'accept-ranges',
  'etag',
  'last-modified',
  'expires',
  'cache-control',
  'transfer-encoding',
]

/** A request body of at most this length is read to its end, so that the connection can be used again. */
const READ_ON_BYTES = 262_144
/** How long a refused client may go on sending before the connection is cut. */
const LINGER_MS = 2_000

/**
 * Answers with `told`. When the headers of another answer have left already, the connection is destroyed: a cut answer
 * is seen as a failure, a short one is not. A `HEAD` gets no body.
 */
export function answerFailure(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  told: ToldFailure,
  manner: ByteRoute['failures'],
): void {
  if (outgoing.headersSent) {
    outgoing.destroy()
    return
  }
  for (const name of HEADERS_OF_THE_BODY) outgoing.removeHeader(name)
  const plain = manner === 'plain'
  const body = Buffer.from(plain ? `${told.message}\n` : formatFailure(told))
  outgoing.setHeader('content-type', plain ? 'text/plain; charset=utf-8' : 'application/json')
  outgoing.setHeader('content-length', body.length)
  outgoing.setHeader('cache-control', 'no-store')
  if (manner === 'tus') setMissing(outgoing, TUS_ANSWER_HEADERS)
  // Players on other pages must be able to read why they were refused (playback §8).
  if (plain) {
    setMissing(outgoing, { 'access-control-allow-origin': '*' })
    outgoing.setHeader('cross-origin-resource-policy', 'cross-origin')
  }
  for (const [name, value] of Object.entries(told.headers)) outgoing.setHeader(name, value)
  outgoing.statusCode = told.status
  finish(incoming, outgoing, incoming.method === 'HEAD' ? undefined : body)
}

function setMissing(outgoing: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!outgoing.hasHeader(name)) outgoing.setHeader(name, value)
  }
}

/**
 * Ends the answer. A client that is still sending a large body would never read it: closing while bytes are under way
 * resets the connection. So the whole answer leaves first, what still comes is thrown away for a moment, then it closes.
 */
function finish(incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer | undefined): void {
  const announced = Number(incoming.headers['content-length'] ?? 0)
  const sends = announced > 0 || incoming.headers['transfer-encoding'] !== undefined
  const small = incoming.headers['transfer-encoding'] === undefined && announced <= READ_ON_BYTES
  if (incoming.complete || !sends || (small && incoming.headers.expect === undefined)) {
    outgoing.end(body)
    return
  }
  outgoing.setHeader('connection', 'close')
  if (incoming.headers.expect !== undefined && !incoming.readableDidRead) {
    // No 100 was sent, so no body is coming.
    outgoing.end(body)
    return
  }
  outgoing.flushHeaders()
  if (body !== undefined) outgoing.write(body)
  const end = () => {
    clearTimeout(timer)
    outgoing.end()
  }
  const timer = setTimeout(end, LINGER_MS)
  incoming.once('end', end).once('close', end).resume()
}

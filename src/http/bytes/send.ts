/**
 * Sends a body of known length: conditional requests, one range, HEAD, and pooled reads that go no faster than the
 * client takes them. The length is promised before the first byte; if the bytes cannot be had after all, the connection
 * is destroyed, since a cut answer is seen as a failure and a short one is not.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type BlobSource, type Body, BodyReader, sliceBody } from '../../core/playback/index.ts'
import type { ByteRange } from '../../lib/byte-range.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { BufferPool } from './buffer-pool.ts'

export type SendDeps = { readonly blobs: BlobSource; readonly buffers: BufferPool }

export type Answer = {
  readonly body: Body
  readonly contentType: string
  readonly cacheControl: string
  /** Quoted, strong. */
  readonly etag: string
  /** Called with a small body that is sent whole (latin1), just before it is. */
  readonly onWhole?: (text: string) => void
}

/** What is sent as a text: usual manifests, init segments. */
const SMALL_BYTES = 16_384

/** Answers a GET or HEAD. Throws `range_not_satisfiable`, or what reading throws before the first byte has left. */
export async function sendBody(
  deps: SendDeps,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answer: Answer,
): Promise<void> {
  outgoing.setHeader('cache-control', answer.cacheControl)
  outgoing.setHeader('etag', answer.etag)
  outgoing.setHeader('accept-ranges', 'bytes')
  if (matchesEtag(incoming.headers['if-none-match'], answer.etag)) {
    outgoing.writeHead(304).end()
    return
  }
  const { sizeBytes } = answer.body
  const range = askedRange(incoming, answer.etag, sizeBytes)
  const body = range === undefined ? answer.body : sliceBody(answer.body, range)
  outgoing.setHeader('content-type', answer.contentType)
  outgoing.setHeader('content-length', body.sizeBytes)
  if (range !== undefined)
    outgoing.setHeader('content-range', `bytes ${range.start}-${range.end - 1}/${sizeBytes}`)
  outgoing.statusCode = range === undefined ? 200 : 206
  if (incoming.method === 'HEAD') {
    outgoing.end()
    return
  }
  const [only] = body.parts
  if (body.parts.length !== 1 || !(only instanceof Uint8Array)) await pour(deps, body, outgoing)
  else if (only.byteLength > SMALL_BYTES) outgoing.end(only)
  else {
    // As a text it leaves in one write with the headers: a third more answers in the same time.
    const bytes = Buffer.from(only.buffer, only.byteOffset, only.byteLength)
    const text = bytes.toString('latin1')
    if (range === undefined) answer.onWhole?.(text)
    outgoing.end(text, 'latin1')
  }
}

/** RFC 9110 §13.1.2, weak comparison. */
function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}

/**
 * The bytes asked for by a `Range` with exactly one range (RFC 9110 §14.2). A header that is malformed, names several
 * ranges or belongs to another version (`If-Range`) is ignored, as the standard allows.
 */
function askedRange(incoming: IncomingMessage, etag: string, sizeBytes: number): ByteRange | undefined {
  const header = incoming.method === 'GET' ? incoming.headers.range : undefined
  const ifRange = incoming.headers['if-range']
  if (header === undefined || (ifRange !== undefined && ifRange !== etag)) return undefined
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header.trim()) ?? []
  if (first === '' && last === '') return undefined
  const range =
    first === ''
      ? { start: Math.max(0, sizeBytes - Number(last)), end: sizeBytes }
      : { start: Number(first), end: last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1) }
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  if (range.start >= range.end) {
    throw new HeadwaterError('range_not_satisfiable', `The file has ${sizeBytes} bytes.`, {
      facts: { sizeBytes },
    })
  }
  return range
}

/** Reads and writes one buffer at a time until all is sent or the client has gone. */
async function pour(deps: SendDeps, body: Body, outgoing: ServerResponse): Promise<void> {
  const reader = new BodyReader(deps.blobs, body)
  const buffer = deps.buffers.take(body.sizeBytes)
  let reusable = true
  try {
    for (let left = body.sizeBytes; left > 0; ) {
      // The first read happens before the headers leave, so that a missing blob is still an honest failure.
      const filled = await reader.read(buffer)
      if (filled === 0) throw new HeadwaterError('internal', `A body ended ${left} bytes early.`)
      reusable = await write(outgoing, buffer.subarray(0, filled))
      if (!reusable) return
      left -= filled
    }
    outgoing.end()
  } catch (error) {
    if (outgoing.headersSent) outgoing.destroy()
    throw error
  } finally {
    deps.buffers.give(buffer, { reusable })
    await reader.close()
  }
}

/** Resolves when the bytes have been handed to the system; false = the client has gone, the buffer may be in use. */
function write(outgoing: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  if (outgoing.destroyed) return Promise.resolve(false)
  return new Promise((resolve) => {
    const gone = () => resolve(false)
    outgoing.once('close', gone)
    outgoing.write(bytes, (error) => {
      outgoing.off('close', gone)
      resolve(error === null || error === undefined)
    })
  })
}

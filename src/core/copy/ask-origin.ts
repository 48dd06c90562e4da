/**
 * Asks an origin for the part of its file that is not here yet. First `HEAD`, for the size; then `GET` with `Range`,
 * which shows at once whether the download could go on after a cut. An origin that answers no `HEAD`, or not with a
 * size, gets one plain `GET` (uploads.md §6).
 */

import { isFailure } from '../../lib/failure.ts'
import type { FetchedAnswer, Fetcher } from '../../ports.ts'
import { MAX_UPLOAD_BYTES } from '../uploads/index.ts'
import type { FetchedFile } from './copy.ts'
import {
  checkEncoding,
  contentLength,
  contentRange,
  isSameFile,
  originFailure,
  statusFailure,
  validatorOf,
} from './origin-answer.ts'

/** What an origin is about to send. */
export type OriginBody = {
  /** As `FetchedAnswer.body`. */
  readonly bytes: AsyncIterable<Uint8Array>
  /** Place of its first byte in the file: what is here already, or 0 to begin anew. */
  readonly startBytes: number
  /** Place after its last byte; null: where it ends. */
  readonly endBytes: number | null
  /** Of the whole file; null: where the body ends. */
  readonly lengthBytes: number | null
  /** For `If-Range`; null: a cut cannot be continued. */
  readonly validator: string | null
  readonly host: string
}

type AskDeps = { readonly fetcher: Fetcher }

/**
 * The rest of the file, or the whole of it when it has changed or the origin knows no ranges. Throws `fetch_refused`,
 * `fetch_failed` or the abort reason.
 */
export async function askOrigin(
  deps: AskDeps,
  copy: Pick<FetchedFile, 'url' | 'offsetBytes' | 'lengthBytes' | 'validator'>,
  options: { signal: AbortSignal },
): Promise<OriginBody> {
  const { url, offsetBytes, validator } = copy
  if (offsetBytes > 0 && validator !== null) {
    const continued = await askRest(deps, { ...copy, validator }, options)
    if (continued !== undefined) return continued
  }
  const toldBytes = await askSize(deps, url, options)
  // An empty file has no range (RFC 9110 §14.1.2), and without a size the origin may know none.
  const headers = toldBytes ? { range: 'bytes=0-' } : undefined
  const answer = await deps.fetcher.fetch(
    { method: 'GET', url, headers, maxBytes: MAX_UPLOAD_BYTES },
    options,
  )
  return readAnswer(answer, () => fromStart(answer, toldBytes))
}

/** The rest after `offsetBytes`; `undefined` when it must begin anew. */
async function askRest(
  deps: AskDeps,
  copy: Pick<FetchedFile, 'url' | 'offsetBytes' | 'lengthBytes'> & { validator: string },
  options: { signal: AbortSignal },
): Promise<OriginBody | undefined> {
  const { url, offsetBytes, lengthBytes, validator } = copy
  const answer = await deps.fetcher.fetch(
    {
      method: 'GET',
      url,
      headers: { range: `bytes=${offsetBytes}-`, 'if-range': validator },
      maxBytes: MAX_UPLOAD_BYTES,
    },
    options,
  )
  return readAnswer(answer, () => {
    // Everything, because the file has changed or ranges are not known.
    if (answer.status === 200) return fromStart(answer, null)
    // The file is shorter than what is here.
    if (answer.status === 416) return undefined
    if (answer.status !== 206) throw statusFailure(answer.status, answer.host)
    const range = contentRange(answer.headers)
    const totalBytes = range?.totalBytes ?? lengthBytes
    const fits = range?.start === offsetBytes && (lengthBytes === null || totalBytes === lengthBytes)
    if (!fits || !isSameFile(answer.headers, validator)) return undefined
    const { body: bytes, host } = answer
    checkEncoding(answer.headers, host)
    checkSize(totalBytes ?? range.end, host)
    return { bytes, startBytes: offsetBytes, endBytes: range.end, lengthBytes: totalBytes, validator, host }
  })
}

/** The size that `HEAD` tells; null when it tells none, for whatever reason: what is wrong for good, `GET` will say. */
async function askSize(deps: AskDeps, url: string, options: { signal: AbortSignal }): Promise<number | null> {
  let answer: FetchedAnswer
  try {
    answer = await deps.fetcher.fetch({ method: 'HEAD', url, maxBytes: 0 }, options)
  } catch (error) {
    if (isFailure(error, 'fetch_failed')) return null
    throw error
  }
  answer.discard()
  const toldBytes = answer.status === 200 ? contentLength(answer.headers) : null
  checkSize(toldBytes, answer.host)
  return toldBytes
}

function fromStart(answer: FetchedAnswer, toldBytes: number | null): OriginBody {
  const { status, headers, host, body: bytes } = answer
  if (status !== 200 && status !== 206) throw statusFailure(status, host)
  checkEncoding(headers, host)
  const range = status === 206 ? contentRange(headers) : undefined
  if (status === 206 && range?.start !== 0) {
    throw originFailure(`${host} answered with another part of the file than the one asked for.`, {
      mayPass: false,
      status,
    })
  }
  const lengthBytes = (range === undefined ? contentLength(headers) : range.totalBytes) ?? toldBytes
  checkSize(lengthBytes, host)
  const endBytes = range === undefined ? lengthBytes : range.end
  return { bytes, startBytes: 0, endBytes, lengthBytes, validator: validatorOf(headers), host }
}

function checkSize(lengthBytes: number | null, host: string): void {
  if (lengthBytes === null || lengthBytes <= MAX_UPLOAD_BYTES) return
  throw originFailure(
    `The file at ${host} has ${lengthBytes} bytes, and at most ${MAX_UPLOAD_BYTES} (30 GB) are taken.`,
    { mayPass: false },
  )
}

/** Reads the headers of an answer; its connection is closed when no body comes of them. */
function readAnswer<T>(answer: FetchedAnswer, read: () => T): T {
  let found: T | undefined
  try {
    found = read()
    return found
  } finally {
    if (found === undefined) answer.discard()
  }
}

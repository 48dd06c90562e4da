/** Reads small bodies: JSON, whatever its content type says (spec §1.2), and text. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { HeadwaterError } from '../lib/failure.ts'

/** Largest JSON body. */
export const JSON_BODY_BYTES = 1_048_576
/** A client that needs longer for its JSON holds the connection open on purpose. */
const BODY_DEADLINE_MS = 30_000

/**
 * The body as a JSON object; an empty one is `{}`. Sends `100 Continue` when the client waits for it. Throws
 * `payload_too_large`, or `bad_json` for what is not UTF-8, not JSON, or not an object.
 */
export async function readJsonBody(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<Record<string, unknown>> {
  if (/^\s*multipart\/form-data\b/i.test(incoming.headers['content-type'] ?? '')) {
    throw new HeadwaterError('bad_json', 'A JSON body was expected, multipart/form-data came.')
  }
  const bytes = await readBytes(incoming, outgoing, { most: JSON_BODY_BYTES, what: 'A JSON body' })
  if (bytes.length === 0) return {}
  const value = parseJson(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HeadwaterError('bad_json', 'The body must be a JSON object.')
  }
  return value as Record<string, unknown>
}

/**
 * The body as text; `''` where there is none. `limit.what` begins the sentence of the refusal. Throws `payload_too_large`, or
 * `bad_request` for what is not UTF-8.
 */
export async function readTextBody(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  limit: BodyLimit,
): Promise<string> {
  const bytes = await readBytes(incoming, outgoing, limit)
  try {
    return UTF_8.decode(bytes)
  } catch (cause) {
    throw new HeadwaterError('bad_request', `${limit.what} must be UTF-8.`, { cause })
  }
}

/** Most bytes of a body, and what it is. */
export type BodyLimit = { readonly most: number; readonly what: string }

async function readBytes(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  limit: BodyLimit,
): Promise<Buffer> {
  if (Number(incoming.headers['content-length'] ?? 0) > limit.most) throw tooLarge(limit)
  if (/^100-continue$/i.test(incoming.headers.expect ?? '')) outgoing.writeContinue()
  return await new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let length = 0
    const stop = (error: Error | undefined) => {
      clearTimeout(timer)
      incoming.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose)
      if (error === undefined) resolve(Buffer.concat(parts, length))
      else {
        incoming.pause()
        reject(error)
      }
    }
    const onData = (part: Buffer) => {
      length += part.length
      if (length > limit.most) stop(tooLarge(limit))
      else parts.push(part)
    }
    const onEnd = () => stop(undefined)
    const onClose = () => stop(new HeadwaterError('bad_request', 'The body ended before its length.'))
    const timer = setTimeout(
      () =>
        stop(
          new HeadwaterError('request_timeout', `The body did not come within ${BODY_DEADLINE_MS / 1000} s.`),
        ),
      BODY_DEADLINE_MS,
    )
    incoming.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
  })
}

function tooLarge({ most, what }: BodyLimit): HeadwaterError {
  return new HeadwaterError('payload_too_large', `${what} may have at most ${most} bytes.`)
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true })

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(UTF_8.decode(bytes))
  } catch (cause) {
    throw new HeadwaterError('bad_json', 'The body is not valid JSON.', { cause })
  }
}

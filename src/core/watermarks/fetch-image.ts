/** Fetches the image of a profile from the address that a customer gave (api.md §11: before answering, within 10 s). */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Clock, FetchedAnswer, Fetcher } from '../../ports.ts'
import { imageTooLarge, MAX_IMAGE_BYTES } from './watermark.ts'

/** For all of it, from the first look-up to the last byte. */
const FETCH_MS = 10_000
const MOST_URL_CHARACTERS = 8_192

/**
 * The file. Throws `bad_request` or `fetch_refused` for what may not be asked, `fetch_failed` for what cannot be had,
 * `payload_too_large`, or the abort reason. All but the last two name the field `url`.
 */
export async function fetchImage(
  deps: { readonly clock: Clock; readonly fetcher: Fetcher },
  url: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (url.length > MOST_URL_CHARACTERS) {
    throw atUrl('bad_request', `url may have at most ${MOST_URL_CHARACTERS} characters.`)
  }
  const ended = new AbortController()
  const late = new AbortController()
  void deps.clock.sleep(FETCH_MS, ended.signal).then(() => late.abort())
  try {
    const answer = await deps.fetcher.fetch(
      // Left off below, with the refusal for large files.
      { method: 'GET', url, maxBytes: 2 * MAX_IMAGE_BYTES },
      { signal: AbortSignal.any([signal, late.signal]) },
    )
    return await readAnswer(answer)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (late.signal.aborted) {
      throw atUrl('fetch_failed', `The image did not come within ${FETCH_MS / 1000} s.`)
    }
    if (!(error instanceof HeadwaterError) || error.code === 'payload_too_large') throw error
    throw atUrl(error.code, error.message, error)
  } finally {
    ended.abort()
  }
}

async function readAnswer(answer: FetchedAnswer): Promise<Uint8Array> {
  const { status, host, headers } = answer
  if (status !== 200) {
    answer.discard()
    throw new HeadwaterError(
      'fetch_failed',
      `${host} answered with status ${status}; expected 200 and a PNG.`,
    )
  }
  if (Number(headers['content-length'] ?? 0) > MAX_IMAGE_BYTES) {
    answer.discard()
    throw imageTooLarge()
  }
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of answer.body) {
    length += part.byteLength
    if (length > MAX_IMAGE_BYTES) throw imageTooLarge()
    parts.push(part)
  }
  return Buffer.concat(parts, length)
}

function atUrl(code: HeadwaterError['code'], sentence: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError(code, sentence, { facts: { field: 'url' }, cause })
}

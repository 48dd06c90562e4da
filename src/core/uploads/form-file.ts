/** The file of a form, from the request into a draft: what both kinds of form upload share (uploads.md §4, §5). */

import { HeadwaterError } from '../../lib/failure.ts'
import { SNIFF_BYTES, sniff } from '../../media/sniff.ts'
import type { Draft } from '../../ports.ts'
import { MAX_CHUNK_BYTES } from './chunk-rules.ts'
import { storeBody } from './store-body.ts'
import type { UploadBody } from './upload.ts'

export type FormFile = {
  /** As the form named it, without folders; null if it did not. */
  readonly name: string | null
  readonly body: UploadBody
}

/** What a form may carry beside its file: boundaries, headers, other text parts. */
const ENVELOPE_BYTES = 1_048_576

/** Largest form as a whole; of a body without `Content-Length` no more than this is read. */
export const MAX_FORM_BYTES = MAX_CHUNK_BYTES + ENVELOPE_BYTES

/** Throws `payload_too_large` when the request's `Content-Length`, if it has one, shows that the file is too large. */
export function checkFormLength(announcedBytes: number | undefined): void {
  if (announcedBytes !== undefined && announcedBytes > MAX_FORM_BYTES) throw formTooLarge()
}

/**
 * Appends the file to `draft`; nothing is synced. Throws `form_not_media` as soon as the first bytes show it,
 * `payload_too_large`, `bad_request` (empty, or broken off), `disk_full`.
 */
export async function receiveFile(draft: Draft, body: UploadBody): Promise<void> {
  const stored = await storeBody(draft, body, MAX_CHUNK_BYTES, checkMedia)
  if (stored.ending === 'disk_full') throw stored.failure
  if (stored.ending === 'more') throw formTooLarge()
  if (stored.ending === 'broken') {
    throw new HeadwaterError(
      'bad_request',
      'The form ended before its file did; nothing was stored, send it again.',
    )
  }
  if (stored.bytes === 0) throw new HeadwaterError('bad_request', 'The part `file` of the form is empty.')
}

function checkMedia(first: readonly Uint8Array[]): void {
  const found = sniff(Buffer.concat(first).subarray(0, SNIFF_BYTES))
  if (found.kind === 'refused') {
    throw new HeadwaterError('form_not_media', `the file looks like ${found.found}, not like video`, {
      facts: { found: found.found },
    })
  }
}

/** The refusal of a form whose file has more than 200 MB. */
export function formTooLarge(): HeadwaterError {
  return new HeadwaterError(
    'payload_too_large',
    `A form may carry a file of at most ${MAX_CHUNK_BYTES} bytes; send larger ones by tus.`,
    { facts: { maximumBytes: MAX_CHUNK_BYTES } },
  )
}

/** A basic form upload: one file, at most 200 MB, whose video exists once all of it is here (uploads.md §4). */

import { HeadwaterError } from '../../lib/failure.ts'
import { SNIFF_BYTES, sniff } from '../../media/sniff.ts'
import type { BlobFacts, Draft } from '../../ports.ts'
import { sourceBlob } from '../blob-names.ts'
import { insertVideo, nextCreatedUs, type Video } from '../videos/index.ts'
import { checkRoomOnDisk, checkUploadLimits } from './check-limits.ts'
import { MAX_CHUNK_BYTES } from './chunk-rules.ts'
import { takeSource } from './complete-upload.ts'
import { blankVideo } from './create-upload.ts'
import { storeBody } from './store-body.ts'
import type { UploadBody, UploadDeps } from './upload.ts'

export type FormFile = {
  /** As the form named it, without folders; null if it did not. */
  readonly name: string | null
  readonly body: UploadBody
}

/** What a form may carry beside its file: boundaries, headers, other text parts. */
const ENVELOPE_BYTES = 1_048_576

/**
 * What can be refused before the body is read. `announcedBytes` is the request's `Content-Length`, if it has one.
 * Throws `payload_too_large`, `too_many_videos`, `storage_exhausted`, `disk_full`.
 */
export async function checkFormUpload(
  deps: UploadDeps,
  request: { accountId: string; announcedBytes: number | undefined },
): Promise<void> {
  const { announcedBytes = 0 } = request
  if (announcedBytes > MAX_CHUNK_BYTES + ENVELOPE_BYTES) throw fileTooLarge()
  await checkUploadLimits(deps, deps.db, { accountId: request.accountId, reserveSeconds: 0 })
  await checkRoomOnDisk(deps, announcedBytes)
}

/**
 * Takes the file and answers its video, queued. Until the last byte nothing but a draft exists, and a refusal removes
 * that too. Throws `form_not_media` as soon as the first bytes show it, `payload_too_large`, `bad_request` (empty, or
 * broken off), `disk_full`, and what the limits throw.
 */
export async function acceptForm(
  deps: UploadDeps,
  request: { accountId: string; file: FormFile },
): Promise<Video> {
  const draft = await deps.blobs.createDraft()
  let published = false
  try {
    await receiveFile(draft, request.file.body)
    const uid = deps.clock.newUid()
    const source = await draft.publish(sourceBlob(uid))
    published = true
    return await insertQueued(deps, { ...request, uid, source })
  } finally {
    if (!published) await draft.discard()
  }
}

async function receiveFile(draft: Draft, body: UploadBody): Promise<void> {
  const stored = await storeBody(draft, body, MAX_CHUNK_BYTES, checkMedia)
  if (stored.ending === 'disk_full') throw stored.failure
  if (stored.ending === 'more') throw fileTooLarge()
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

async function insertQueued(
  deps: UploadDeps,
  request: { accountId: string; file: FormFile; uid: string; source: BlobFacts },
): Promise<Video> {
  const { accountId, file, uid, source } = request
  try {
    return await deps.db.transaction().execute(async (trx) => {
      await checkUploadLimits(deps, trx, { accountId, reserveSeconds: 0 })
      const createdUs = await nextCreatedUs(trx, deps.clock, accountId)
      await insertVideo(trx, {
        ...blankVideo({ uid, accountId, createdUs }),
        meta: file.name === null ? {} : { name: file.name },
      })
      return takeSource(deps, trx, uid, source)
    })
  } catch (error) {
    await deps.blobs.delete(source.name)
    throw error
  }
}

function fileTooLarge(): HeadwaterError {
  return new HeadwaterError(
    'payload_too_large',
    `A form may carry a file of at most ${MAX_CHUNK_BYTES} bytes; send larger ones by tus.`,
    { facts: { maximumBytes: MAX_CHUNK_BYTES } },
  )
}

/** Uploading, reading and deleting captions (api.md §6). */

import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobFacts, Blobs, Clock, Thread } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { captionBlob } from '../blob-names.ts'
import { storeBody, type UploadBody } from '../uploads/index.ts'
import { recordBlob, requireVideo } from '../videos/index.ts'
import { type Caption, checkLanguage, MAX_CAPTION_BYTES } from './caption.ts'
import { deleteCaptionRow, findCaption, insertCaption, requireCaption } from './caption-records.ts'
import { indexDraft } from './index-work.ts'
import { readWhole } from './read-whole.ts'

export type CaptionDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly clock: Clock
  /** Does `indexWebVtt`. */
  readonly thread: Thread
}

/** Which captions are meant. */
export type CaptionName = { readonly accountId: string; readonly uid: string; readonly language: string }

/**
 * What can be refused before the file is read. Throws `not_found`, `conflict` (the video waits for its file) and
 * `bad_request` (the language).
 */
export async function checkPutCaption(deps: CaptionDeps, name: CaptionName): Promise<void> {
  checkLanguage(name.language)
  await requireFilm(deps.db, name)
}

/**
 * Takes a WebVTT file as the video's captions of that language, in place of others it has; ready at once. Throws what
 * `checkPutCaption` does, `payload_too_large`, `disk_full`, and `bad_request` for what is no WebVTT (its facts name the
 * line and the cue) or broke off.
 */
export async function putCaption(deps: CaptionDeps, name: CaptionName, body: UploadBody): Promise<Caption> {
  const language = checkLanguage(name.language)
  const draft = await deps.blobs.createDraft()
  let blob: BlobFacts | undefined
  const id = newCaptionId(deps.clock)
  try {
    const stored = await storeBody(draft, body, MAX_CAPTION_BYTES)
    if (stored.ending === 'disk_full') throw stored.failure
    if (stored.ending === 'more') throw captionTooLarge()
    if (stored.ending === 'broken') {
      throw new HeadwaterError('bad_request', 'The form ended before its file did; send it again.')
    }
    await indexDraft(deps.thread, draft.id)
    blob = await draft.publish(captionBlob(name.uid, id))
  } finally {
    if (blob === undefined) await draft.discard()
  }
  const caption: Caption = {
    id,
    videoUid: name.uid,
    language,
    generated: false,
    status: 'ready',
    blob: blob.name,
    failure: null,
  }
  return await record(deps, name, caption, blob)
}

/** Removes them; players see it at once. Throws `not_found`. */
export async function deleteCaption(deps: CaptionDeps, name: CaptionName): Promise<void> {
  const { blob } = await deps.db.transaction().execute(async (trx) => {
    await requireVideo(trx, name.uid, name.accountId)
    const caption = await requireCaption(trx, name.uid, name.language)
    await deleteCaptionRow(trx, caption)
    return caption
  })
  if (blob !== null) await deps.blobs.delete(blob)
}

/** The file as it was received. Throws `not_found`, also while it is being made. */
export async function readCaption(deps: CaptionDeps, name: CaptionName): Promise<Uint8Array> {
  await requireVideo(deps.db, name.uid, name.accountId)
  const { blob, status } = await requireCaption(deps.db, name.uid, name.language)
  if (blob !== null) return await readWhole(deps.blobs, blob)
  throw new HeadwaterError(
    'not_found',
    status === 'inprogress'
      ? 'The captions are still being made.'
      : 'The captions could not be made; delete them.',
  )
}

/** The refusal of a file over the limit. */
export function captionTooLarge(): HeadwaterError {
  return new HeadwaterError(
    'payload_too_large',
    `Captions may have at most ${MAX_CAPTION_BYTES} bytes (10 MB).`,
    {
      facts: { maximumBytes: MAX_CAPTION_BYTES },
    },
  )
}

/** Safe in addresses, and no other rendition has it. */
export function newCaptionId(clock: Pick<Clock, 'newUid'>): string {
  return `text-${clock.newUid().slice(0, 12)}`
}

/** Blob before row; what it replaces loses its row first and its blob afterwards. */
async function record(
  deps: CaptionDeps,
  name: CaptionName,
  caption: Caption,
  blob: BlobFacts,
): Promise<Caption> {
  let replaced: Caption | undefined
  try {
    replaced = await deps.db.transaction().execute(async (trx) => {
      await requireFilm(trx, name)
      const present = await findCaption(trx, name.uid, caption.language)
      if (present !== undefined) await deleteCaptionRow(trx, present)
      await recordBlob(trx, deps.clock, name.uid, blob)
      await insertCaption(trx, caption)
      return present
    })
  } catch (error) {
    await deps.blobs.delete(blob.name)
    throw error
  }
  if (typeof replaced?.blob === 'string') await deps.blobs.delete(replaced.blob)
  return caption
}

/** Captions belong to a file, which must have arrived (api.md §6). */
async function requireFilm(db: Db | Trx, { accountId, uid }: CaptionName): Promise<void> {
  const { state } = await requireVideo(db, uid, accountId)
  if (state !== 'pendingupload') return
  throw new HeadwaterError(
    'conflict',
    "The video waits for its file; add captions once that has arrived (state 'queued' or later).",
    { facts: { uid, state } },
  )
}

/**
 * The promise behind every 204: a chunk's bytes are on stable storage, and then the offset is committed; only then it
 * is acknowledged. Rules: uploads.md §2.1, §2.5.
 */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Draft } from '../../ports.ts'
import {
  type ChunkPlace,
  checkChunkLength,
  chunkBeyondEnd,
  chunkTooLarge,
  keepableOffset,
  MAX_CHUNK_BYTES,
  roomForChunk,
} from './chunk-rules.ts'
import { CheckedBody, type UploadChecksum } from './checksum.ts'
import { finishUpload } from './complete-upload.ts'
import { takeUpload } from './find-upload.ts'
import { type StoredBody, storeBody } from './store-body.ts'
import { endTooLong } from './too-long.ts'
import { noSuchUpload, type Upload, type UploadAddress, type UploadBody, type UploadDeps } from './upload.ts'
import { commitOffset, setDraft } from './upload-records.ts'

export type Chunk = {
  readonly address: UploadAddress
  /** `Upload-Offset` of the request. */
  readonly offsetBytes: number
  /** `Content-Length` of the request; undefined when it has none. */
  readonly chunkBytes: number | undefined
  readonly body: UploadBody
  /** `Upload-Checksum` of the request. */
  readonly checksum?: UploadChecksum
}

/** The upload after a chunk. `whole` is false when the body broke off: then no answer must say that it was kept. */
export type ReceivedChunk = { readonly upload: Upload; readonly whole: boolean }

/**
 * Takes one chunk. The body is not touched before everything that can be refused by the headers has been checked.
 * What arrives of a broken body is kept, rounded down; of one with a checksum all is kept or nothing. The last chunk
 * completes the upload. Whether the upload has expired is asked when the chunk's turn comes: one that began in time is
 * taken whole. Throws `not_found`, `upload_expired`, `upload_locked`, `upload_offset_mismatch`, `bad_request`,
 * `payload_too_large`, `checksum_mismatch`, `upload_is_final`, `disk_full`, and `too_long` when what is
 * here now declares itself longer than the upload allows, which ends it; `signal` ends the wait for another request only.
 */
export async function receiveChunk(
  deps: UploadDeps,
  chunk: Chunk,
  options: { signal: AbortSignal },
): Promise<ReceivedChunk> {
  const { signal } = options
  const { upload, hold } = await takeUpload(deps, chunk.address, { body: chunk.body, signal })
  try {
    if (upload.concat !== null && upload.videoUid !== null) {
      throw new HeadwaterError(
        'upload_is_final',
        'this upload was put together from others (Upload-Concat: final) and takes no bytes of its own',
      )
    }
    if (chunk.offsetBytes !== upload.offsetBytes) {
      throw new HeadwaterError(
        'upload_offset_mismatch',
        `Upload-Offset is ${chunk.offsetBytes}, but ${upload.offsetBytes} bytes are stored; ask with HEAD and go on from there.`,
        { facts: { sent: chunk.offsetBytes, stored: upload.offsetBytes } },
      )
    }
    const place = { ...upload, chunkBytes: chunk.chunkBytes }
    checkChunkLength(place)
    const body = chunk.checksum ? new CheckedBody(chunk.body, chunk.checksum) : chunk.body
    if (chunk.chunkBytes === 0 || upload.offsetBytes === upload.lengthBytes) {
      return await takeNothing(upload, body, chunk.chunkBytes)
    }
    return await takeBytes(deps, upload, body, place)
  } finally {
    hold.release()
  }
}

/** An empty body; one of unknown length for an upload that has everything must turn out to be empty. */
async function takeNothing(
  upload: Upload,
  body: UploadBody | CheckedBody,
  chunkBytes: number | undefined,
): Promise<ReceivedChunk> {
  if (chunkBytes === undefined) {
    if ((await body.next()) !== undefined) throw chunkBeyondEnd({ ...upload, chunkBytes })
    if (body.state !== 'complete') return { upload, whole: false }
  }
  const mismatch = body instanceof CheckedBody ? body.mismatch() : undefined
  if (mismatch) throw mismatch
  return { upload, whole: true }
}

async function takeBytes(
  deps: UploadDeps,
  upload: Upload,
  body: UploadBody | CheckedBody,
  place: ChunkPlace,
): Promise<ReceivedChunk> {
  const draft = await openDraft(deps, upload)
  let published = false
  const { videoUid } = upload
  if (videoUid !== null && !(body instanceof CheckedBody)) deps.receiving.add(videoUid)
  try {
    const stored = await storeBody(draft, body, roomForChunk(place))
    const { failure, keep } = judgeStored(stored, place, body)
    const reachedBytes = upload.offsetBytes + (keep ? stored.bytes : 0)
    const moved = await commitBytes(deps, upload, draft, keepableOffset(reachedBytes, upload.lengthBytes))
    if (moved !== upload) await endTooLong(deps, moved, draft)
    if (moved.offsetBytes === moved.lengthBytes) {
      published = true
      return { upload: await finishUpload(deps, moved, draft), whole: true }
    }
    if (failure !== undefined) throw failure
    return { upload: moved, whole: stored.ending === 'complete' }
  } catch (error) {
    // Deleted while its bytes came: no record names the draft any more.
    if (!published && isFailure(error, 'not_found')) await deps.blobs.discardDraft(draft.id)
    throw error
  } finally {
    if (videoUid !== null) deps.receiving.delete(videoUid)
    // Whatever still comes of the body is nobody's.
    body.stop()
    if (!published) await draft.close()
  }
}

/** What is to be told of a body that came, if anything is wrong with it, and whether what is stored of it counts. */
function judgeStored(
  stored: StoredBody,
  place: ChunkPlace,
  body: UploadBody | CheckedBody,
): { readonly failure?: unknown; readonly keep: boolean } {
  const checked = body instanceof CheckedBody
  if (stored.ending === 'complete') {
    const failure = checked ? body.mismatch() : undefined
    return { failure, keep: failure === undefined }
  }
  // A checksum is of the whole body: of a part nobody knows whether it is right.
  if (stored.ending === 'broken') return { keep: !checked }
  if (stored.ending === 'disk_full') return { failure: stored.failure, keep: !checked }
  // Bytes beyond the upload's end say that the sender is confused about it: nothing of them is stored.
  const beyondEnd = place.lengthBytes - place.offsetBytes <= MAX_CHUNK_BYTES
  return beyondEnd
    ? { failure: chunkBeyondEnd(place), keep: false }
    : { failure: chunkTooLarge(), keep: !checked }
}

async function openDraft(deps: UploadDeps, upload: Upload): Promise<Draft> {
  if (upload.draftId !== null) {
    const state = { lengthBytes: upload.offsetBytes, checksums: upload.checksums }
    return deps.blobs.resumeDraft(upload.draftId, state, { streamed: true })
  }
  const draft = await deps.blobs.createDraft({ streamed: true })
  try {
    if (await setDraft(deps.db, upload.id, draft.id)) return draft
  } catch (error) {
    // A full disk does this. Whether the record names the draft is not known; if none does, the sweep removes it.
    await draft.close()
    throw error
  }
  await draft.discard()
  throw noSuchUpload()
}

/** Makes the first `keepBytes` bytes of the draft the acknowledged ones: cut, sync, commit, in this order. */
async function commitBytes(
  deps: UploadDeps,
  upload: Upload,
  draft: Draft,
  keepBytes: number,
): Promise<Upload> {
  if (keepBytes < draft.lengthBytes) await draft.truncate(keepBytes)
  if (keepBytes === upload.offsetBytes) return upload
  await draft.sync()
  const checksums = draft.checksums()
  const stored = { offsetBytes: keepBytes, checksums }
  if (!(await commitOffset(deps.db, upload.id, upload.offsetBytes, stored))) throw noSuchUpload()
  return { ...upload, draftId: draft.id, offsetBytes: keepBytes, checksums }
}

/**
 * The `concatenate` job: writes the source of a final upload from the drafts of its parts, each byte read once and written
 * once, in pieces that keep the event loop free. (No system call reachable from here copies a range inside the kernel, and
 * the blocks of the source begin elsewhere than those of its parts, so their checksums must be made anew anyway.) Every
 * block that is read is checked against what its part recorded.
 *
 * How far it came is recorded every 256 MiB, after a sync; a crash costs at most that much. What it may leave is a draft
 * that its record names (the job goes on with it) or a published source without a row (found and taken by the next try).
 */

import type { ClaimedJob, Jobs } from '../../jobs/job.ts'
import type { JobContext } from '../../jobs/run-jobs.ts'
import { BLOCK_BYTES } from '../../lib/block-checksums.ts'
import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import { startDigest } from '../../lib/running-digest.ts'
import type { BlobFacts, Blobs, Clock, Draft } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { explainFailure } from '../faults/index.ts'
import { failVideo, getVideo } from '../videos/index.ts'
import { ingestSourceOf, publishSource } from './complete-upload.ts'
import {
  type Concatenation,
  deleteConcatenation,
  getConcatenation,
  saveProgress,
} from './concatenation-records.ts'
import { noSuchUpload, type Upload } from './upload.ts'

export type ConcatenateDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
  /** Bytes between two records of how far it came; default 256 MiB. */
  readonly strideBytes?: number
}

/** Small beside the whole, large beside what a sync costs. */
const STRIDE_BYTES = 268_435_456

/** Runs the job: the source, its row and its ingest job, and the parts are free. */
export async function concatenate(
  deps: ConcatenateDeps,
  job: ClaimedJob,
  context: JobContext,
): Promise<void> {
  const { uid } = job.payload as { uid: string }
  const work = await getConcatenation(deps.db, uid)
  if (work === undefined) {
    // Done by a claim that lost its lease after the commit.
    await deps.db.transaction().execute((trx) => deps.jobs.complete(trx, job))
    return
  }
  const source = await writeSource(deps, work, context.signal)
  try {
    await deps.db.transaction().execute(async (trx) => {
      await deps.jobs.complete(trx, job)
      if (!(await deleteConcatenation(trx, uid))) throw noSuchUpload()
      await ingestSourceOf(deps, trx, uid, source)
    })
  } catch (error) {
    // Deleted while it was put together: nobody else knows of the blob.
    if ((await getVideo(deps.db, uid)) === undefined) await deps.blobs.delete(source.name)
    throw error
  }
}

/** Ends a video whose source could not be put together. */
export async function giveUpConcatenation(
  deps: Pick<ConcatenateDeps, 'db' | 'blobs' | 'clock' | 'jobs'>,
  uid: string,
  error: unknown,
): Promise<void> {
  const work = await getConcatenation(deps.db, uid)
  await deps.db.transaction().execute(async (trx) => {
    await deleteConcatenation(trx, uid)
    const code = isFailure(error) ? error.code : 'internal'
    const detail = `The parts of the upload could not be put together (${code}); they can be used again until they expire.`
    const explained = explainFailure(error, { stage: 'upload', exactly: true, unexpected: detail })
    await failVideo(trx, deps, uid, { ...explained, detail: { ...explained.detail, detail } })
  })
  if (work?.draftId) await deps.blobs.discardDraft(work.draftId)
}

async function writeSource(
  deps: ConcatenateDeps,
  work: Concatenation,
  signal: AbortSignal,
): Promise<BlobFacts> {
  // A crash may have come after publishing; then there is no draft any more.
  if (work.offsetBytes === work.lengthBytes) return publishSource(deps, work)
  const draft =
    work.draftId === null
      ? await deps.blobs.createDraft()
      : await deps.blobs.resumeDraft(work.draftId, { ...work, lengthBytes: work.offsetBytes })
  let published = false
  try {
    // Named before its first byte, so that the sweep knows whose it is.
    if (work.draftId === null) await record(deps, work, draft)
    let startBytes = 0
    for (const part of work.parts) {
      await copyPart(deps, work, { part, startBytes, draft, signal })
      startBytes += part.lengthBytes
    }
    await record(deps, work, draft)
    published = true
    return await publishSource(deps, work, draft)
  } finally {
    if (!published) await draft.close()
  }
}

/** Appends what the draft does not have yet of a part whose first byte is at `startBytes` of the whole. */
async function copyPart(
  deps: ConcatenateDeps,
  work: Concatenation,
  copy: { part: Upload; startBytes: number; draft: Draft; signal: AbortSignal },
): Promise<void> {
  const { part, startBytes, draft, signal } = copy
  const { strideBytes = STRIDE_BYTES } = deps
  let doneBytes = draft.lengthBytes - startBytes
  if (doneBytes >= part.lengthBytes) return
  const from = await deps.blobs.resumeDraft(part.draftId ?? '', part)
  try {
    // One block is read while the one before is written.
    let [reading, writing] = [new Uint8Array(BLOCK_BYTES), new Uint8Array(BLOCK_BYTES)]
    let written: Promise<void> = Promise.resolve()
    while (doneBytes < part.lengthBytes) {
      const block = await readBlock(from, part, Math.floor(doneBytes / BLOCK_BYTES), reading)
      await written
      signal.throwIfAborted()
      const wanted = block.subarray(doneBytes % BLOCK_BYTES)
      written = draft.append([wanted])
      // Its failure is met at the next `await`; until then it must not count as unhandled.
      written.catch(() => undefined)
      ;[reading, writing] = [writing, reading]
      const stride = Math.floor((startBytes + doneBytes) / strideBytes)
      doneBytes += wanted.byteLength
      if (Math.floor((startBytes + doneBytes) / strideBytes) === stride) continue
      await written
      await record(deps, work, draft)
    }
    await written
  } finally {
    await from.close()
  }
}

/** One block of a part, which is what was recorded of it; a view of `buffer`. */
async function readBlock(from: Draft, part: Upload, index: number, buffer: Uint8Array): Promise<Uint8Array> {
  const startBytes = index * BLOCK_BYTES
  const block = buffer.subarray(0, Math.min(BLOCK_BYTES, part.lengthBytes - startBytes))
  const readBytes = await from.read(block, startBytes)
  const digest = startDigest('crc32')
  digest.update(block)
  const recorded = part.checksums.subarray(index * 4, index * 4 + 4)
  if (readBytes === block.byteLength && Buffer.compare(digest.finish(), recorded) === 0) return block
  throw new HeadwaterError(
    'blob_damaged',
    `Block ${index} of draft ${from.id} is not what was recorded of it.`,
    {
      facts: { draft: from.id, block: index },
    },
  )
}

/** Puts what is appended on stable storage, then says so. Throws `not_found` when the video was deleted meanwhile. */
async function record(deps: ConcatenateDeps, work: Concatenation, draft: Draft): Promise<void> {
  await draft.sync()
  const progress = { draftId: draft.id, offsetBytes: draft.lengthBytes, checksums: draft.checksums() }
  if (await saveProgress(deps.db, work.videoUid, progress)) return
  await draft.discard()
  throw noSuchUpload()
}

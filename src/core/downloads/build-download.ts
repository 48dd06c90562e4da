/**
 * The `build-download` job: copies the samples of a video into one MP4 file, as they are. What the file looks like is
 * worked out in the work thread; here bytes are moved, a quarter of a megabyte at a time.
 *
 * A crash leaves a draft, or a blob without a row: the sweep removes both, and the job begins anew. A file that is
 * deleted while it is made is noticed with the next word on how far it is.
 */

import type { ClaimedJob } from '../../jobs/job.ts'
import type { JobContext } from '../../jobs/run-jobs.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobFacts, BlobName, Draft, Thread } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { downloadBlob } from '../blob-names.ts'
import { type BodyPart, bodyOf, streamBody } from '../playback/index.ts'
import {
  assembleTimeline,
  getPlanRow,
  listAddedSounds,
  listChunkRows,
  listRenditionRows,
  type Track,
} from '../timeline/index.ts'
import { checkRoomOnDisk, type UploadLimits } from '../uploads/index.ts'
import { recordBlob } from '../videos/index.ts'
import { type BuildPayload, type DownloadDeps, enqueueDownloads } from './create-download.ts'
import type { Download } from './download.ts'
import { failDownloads, finishDownload, getDownload, saveDownloadProgress } from './download-records.ts'
import { chooseTracks, type FileParts, readFileParts } from './file-parts.ts'
import { type FileLayout, LITERALS, type LayoutQuestion } from './layout-file.ts'

export type BuildDeps = DownloadDeps & {
  /** Does `layoutFile`. */
  readonly thread: Thread
  readonly limits: UploadLimits
}

/** Between two words on how far a file is. */
const PROGRESS_MS = 500
/** Pieces that are one body: enough that a file is few of them, few enough to be put together in no time. */
const PIECES_AT_A_TIME = 2_000

/** Runs the job. It ends without a file where something of it is still to be encoded, and is enqueued again by that. */
export async function buildDownload(deps: BuildDeps, job: ClaimedJob, context: JobContext): Promise<void> {
  const { id } = job.payload as BuildPayload
  const download = await getDownload(deps.db, id)
  const material = download?.state === 'inprogress' ? await findMaterial(deps.db, download) : undefined
  if (download === undefined || material === undefined) return await endWithoutFile(deps, job, download)
  const blob = await makeFile(deps, download, material, context.signal)
  let taken = false
  try {
    await deps.db.transaction().execute(async (trx) => {
      await deps.jobs.complete(trx, job)
      taken = blob !== undefined && (await finishDownload(trx, id, blob.name))
      if (taken && blob !== undefined) await recordBlob(trx, deps.clock, download.videoUid, blob)
    })
  } catch (error) {
    taken = false
    throw error
  } finally {
    // Nobody else knows of it: it, or its video, was deleted, or the lease was lost.
    if (!taken && blob !== undefined) await deps.blobs.delete(blob.name)
  }
}

/** Ends a download that could not be made however often it was tried. */
export async function giveUpDownloadFile(db: Db, job: ClaimedJob): Promise<void> {
  const { id } = job.payload as BuildPayload
  if (job.videoUid !== null) await failDownloads(db, job.videoUid, id)
}

type Material = {
  readonly question: Pick<LayoutQuestion, 'plan'>
  readonly timeline: ReturnType<typeof assembleTimeline>
  readonly tracks: readonly Track[]
}

/** What a file is made of; undefined as long as some of it is not encoded. */
async function findMaterial(db: Db, { videoUid, type }: Download): Promise<Material | undefined> {
  const row = await getPlanRow(db, videoUid)
  if (row === undefined) return undefined
  const [renditions, chunks, sounds] = await Promise.all([
    listRenditionRows(db, videoUid),
    listChunkRows(db, videoUid),
    listAddedSounds(db, videoUid),
  ])
  const timeline = assembleTimeline({ videoUid, ...row, renditions, chunks, sounds })
  const tracks = chooseTracks(timeline, row.plan, type)
  return tracks && { question: { plan: row.plan }, timeline, tracks }
}

/**
 * Completes the job. What it waited for may have come since it looked, while this job still stood for the next one: so
 * it looks again where nothing can come in between.
 */
async function endWithoutFile(
  deps: BuildDeps,
  job: ClaimedJob,
  download: Download | undefined,
): Promise<void> {
  await deps.db.transaction().execute(async (trx) => {
    await deps.jobs.complete(trx, job)
    if (download === undefined || (await findMaterial(trx, download)) === undefined) return
    await enqueueDownloads(deps.jobs, trx, download.videoUid)
  })
}

/** Writes and publishes the file; undefined when it was deleted meanwhile. */
async function makeFile(
  deps: BuildDeps,
  download: Download,
  { question, timeline, tracks }: Material,
  signal: AbortSignal,
): Promise<BlobFacts | undefined> {
  const parts = await readFileParts(deps.blobs, timeline, tracks, signal)
  const layout = (await deps.thread.run(
    'layoutFile',
    { ...question, tracks: parts.tracks } satisfies LayoutQuestion,
    timeline.indexBlob === null ? {} : { blob: timeline.indexBlob },
  )) as FileLayout
  await checkRoomOnDisk(deps, layout.sizeBytes)
  const draft = await deps.blobs.createDraft()
  let published = false
  try {
    if (!(await copyFile(deps, download, { layout, parts, draft, signal }))) return undefined
    const attempt = `${download.id}-${deps.clock.newUid().slice(0, 8)}`
    const blob = await draft.publish(downloadBlob(download.videoUid, download.type, attempt))
    published = true
    return blob
  } finally {
    if (!published) await draft.discard()
  }
}

/** Copies all of it into the draft; false when the download was deleted meanwhile. */
async function copyFile(
  deps: BuildDeps,
  { id }: Download,
  copy: {
    readonly layout: FileLayout
    readonly parts: FileParts
    readonly draft: Draft
    readonly signal: AbortSignal
  },
): Promise<boolean> {
  const { layout, parts, draft, signal } = copy
  let toldMs = deps.clock.monotonicMs()
  await draft.append([layout.head])
  for (const body of bodiesOf(layout, parts.blobs)) {
    for await (const bytes of streamBody(deps.blobs, body)) {
      signal.throwIfAborted()
      await draft.append([bytes])
      const nowMs = deps.clock.monotonicMs()
      if (nowMs - toldMs < PROGRESS_MS) continue
      toldMs = nowMs
      // The last percent is its way to the disk.
      const percent = Math.min(99, Math.floor((100 * draft.lengthBytes) / layout.sizeBytes))
      if (!(await saveDownloadProgress(deps.db, id, percent))) return false
    }
  }
  if (draft.lengthBytes !== layout.sizeBytes) {
    throw new HeadwaterError(
      'internal',
      `The file should have ${layout.sizeBytes} bytes; ${draft.lengthBytes} were written.`,
    )
  }
  return true
}

/** The payload as bodies, one after another. */
function* bodiesOf({ pieces, literals }: FileLayout, blobs: readonly BlobName[]) {
  for (let first = 0; first < pieces.length; first += 3 * PIECES_AT_A_TIME) {
    const parts: BodyPart[] = []
    const next = Math.min(pieces.length, first + 3 * PIECES_AT_A_TIME)
    for (let at = first; at < next; at += 3) {
      const [number = 0, start = 0, end = 0] = pieces.subarray(at, at + 3)
      if (number === LITERALS) parts.push(literals.subarray(start, end))
      else parts.push({ blob: blobs[number] ?? '', range: { start, end } })
    }
    yield bodyOf(parts)
  }
}

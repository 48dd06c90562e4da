/**
 * What a crash or a stop has left of broadcasts: a restart is a lost connection (live.md §4). Whole fragments beyond what
 * was synced are kept.
 */

import type { Log } from '../../lib/log.ts'
import { isFailure } from '../../lib/failure.ts'
import { readRecording } from '../../media/live/read-recording.ts'
import { childBoxes } from '../../media/isobmff/read-boxes.ts'
import type { Blobs, BlobReader, Draft } from '../../ports.ts'
import { getLiveInput, type LiveInput } from '../live-inputs/index.ts'
import { LivePackage, type RecordedFragment } from '../live-packaging/index.ts'
import { getVideo } from '../videos/index.ts'
import { type BroadcastOptions, mayGoOn } from './broadcast.ts'
import { endRecording, type RecordingDeps } from './end-recording.ts'
import { packageId } from './live-recording.ts'
import { listRecordings, type RecordingRecord } from './recording-records.ts'

export type Recovery = {
  /** The broadcast waits for its publisher; so much of its window has passed. */
  readonly resume: (
    input: LiveInput,
    restored: NonNullable<BroadcastOptions['restored']>,
    passedMs: number,
  ) => void
  /** Something that ends a recording, beside everything else. */
  readonly end: (work: () => Promise<void>) => void
}

/** Synced every few seconds, so there is never much more; a disk that did not sync for long may leave more than this. */
const MOST_TAIL_BYTES = 256 * 1024 * 1024

/** Takes up every recording that is there. */
export async function recoverRecordings(
  deps: RecordingDeps & { readonly log: Log },
  recovery: Recovery,
): Promise<void> {
  for (const record of await listRecordings(deps.db)) {
    try {
      await recover(deps, record, recovery)
    } catch (err) {
      deps.log.error(
        { err, uid: record.videoUid },
        'a recording that the last run has left could not be taken up',
      )
    }
  }
}

async function recover(
  deps: RecordingDeps & { readonly log: Log },
  record: RecordingRecord,
  { end, resume }: Recovery,
): Promise<void> {
  deps.log.info(
    { uid: record.videoUid, inputUid: record.inputUid },
    'a broadcast of the last run is taken up',
  )
  if (record.ended || record.draftId === null) return end(() => endRecording(deps, record))
  const draft = await reopenDraft(deps.blobs, { ...record, draftId: record.draftId })
  await draft.sync()
  const whole = { ...record, lengthBytes: draft.lengthBytes, checksums: draft.checksums() }
  const input = await getLiveInput(deps.db, record.inputUid)
  const passedMs = Math.max(0, deps.clock.nowUs() - record.syncedUs) / 1000
  if (input?.recording.mode === 'automatic' && mayGoOn(input, passedMs)) {
    try {
      return resume(input, await restore(deps, whole, draft), passedMs)
    } catch (err) {
      // What cannot be gone on with is a video all the same.
      deps.log.error({ err, uid: record.videoUid }, 'a broadcast of the last run cannot be gone on with')
    }
  }
  end(() => endRecording(deps, whole, draft))
}

async function restore(
  deps: RecordingDeps,
  record: RecordingRecord,
  draft: Draft,
): Promise<NonNullable<BroadcastOptions['restored']>> {
  const source = { sizeBytes: draft.lengthBytes, read: draft.read.bind(draft) }
  const found = await readRecording(source)
  const changed = found.fragments.findLast(({ changedTo }) => changedTo !== null)?.changedTo
  const video = await getVideo(deps.db, record.videoUid)
  let take: (fragment: RecordedFragment) => void = () => undefined
  const options = {
    id: packageId(record.videoUid),
    clock: deps.clock,
    onFragment: (fragment: RecordedFragment) => take(fragment),
  }
  return {
    record,
    draft,
    formats: [changed ?? found.video, found.audio].filter((format) => format !== null),
    package: LivePackage.resume(options, found, video?.createdUs ?? record.syncedUs),
    connect: (to) => {
      take = to
    },
  }
}

/** The draft with everything that is whole in it, also of what was not synced any more. */
export async function reopenDraft(
  blobs: Blobs,
  record: { draftId: string; lengthBytes: number; checksums: Uint8Array },
): Promise<Draft> {
  const { draftId, lengthBytes } = record
  const tail = await readTail(blobs, draftId, lengthBytes)
  const draft = await blobs.resumeDraft(draftId, record)
  const whole = wholeFragments(tail)
  if (whole > 0) await draft.append([tail.subarray(0, whole)])
  return draft
}

async function readTail(blobs: Blobs, draftId: string, from: number): Promise<Uint8Array> {
  let reader: BlobReader
  try {
    reader = await blobs.openDraft(draftId)
  } catch (error) {
    if (isFailure(error, 'not_found')) return new Uint8Array(0)
    throw error
  }
  try {
    const tail = new Uint8Array(Math.min(Math.max(0, reader.sizeBytes - from), MOST_TAIL_BYTES))
    return tail.subarray(0, await reader.read(tail, from))
  } finally {
    await reader.close()
  }
}

/** How many bytes of a piece of a recording, which begins where a fragment or the recording does, are whole fragments. */
export function wholeFragments(bytes: Uint8Array): number {
  let whole = 0
  for (const box of childBoxes(bytes, 0, bytes.byteLength, {
    tolerant: true,
    limit: Number.MAX_SAFE_INTEGER,
  })) {
    if (box.type === 'mdat') whole = box.end
  }
  return whole
}

/** The queries of broadcasts that are being recorded. Nothing else reads or writes their table, save the sweep. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { LiveProtocol } from '../../live-ports.ts'
import type { Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import type { LiveInput } from '../live-inputs/index.ts'
import { nameOf } from '../live-inputs/index.ts'
import { blankVideo, insertVideo, nextCreatedUs } from '../videos/index.ts'

/** A broadcast that is being recorded, as far as it is on stable storage. */
export type RecordingRecord = {
  readonly videoUid: string
  readonly inputUid: string
  readonly protocol: LiveProtocol
  readonly deleteAfterDays: number | null
  /** null while nothing is written. */
  readonly draftId: string | null
  readonly lengthBytes: number
  /** Block checksums of the first `lengthBytes` bytes. */
  readonly checksums: Uint8Array
  /** When that was so. */
  readonly syncedUs: number
  /** Nothing follows: `lengthBytes` is all of it. */
  readonly ended: boolean
}

/** Adds the video of a broadcast that begins (live.md §4), and its record. */
export async function insertRecording(
  trx: Trx,
  clock: Clock,
  begun: { videoUid: string; input: LiveInput; protocol: LiveProtocol; startedUs: number },
): Promise<void> {
  const { videoUid, input, protocol, startedUs } = begun
  const { accountId, defaultCreator, recording } = input
  await insertVideo(trx, {
    ...blankVideo({ uid: videoUid, accountId, createdUs: await nextCreatedUs(trx, clock, accountId) }),
    state: 'live-inprogress',
    meta: { name: recordingName(nameOf(input), startedUs) },
    creator: defaultCreator,
    requireSignedUrls: recording.requireSignedUrls,
    allowedOrigins: recording.allowedOrigins ?? [],
    liveInput: input.uid,
  })
  await trx
    .insertInto('live_broadcasts')
    .values({
      video_uid: videoUid,
      input_uid: input.uid,
      protocol,
      delete_after_days: input.deleteRecordingAfterDays,
      draft_id: null,
      length_bytes: 0,
      checksums: new Uint8Array(0),
      synced_us: clock.nowUs(),
      ended: 0,
    })
    .execute()
}

/** Writes down what is on stable storage now. Throws `not_found` when it has ended already. */
export async function updateRecording(
  db: Db,
  videoUid: string,
  changes: Partial<Omit<RecordingRecord, 'videoUid' | 'inputUid' | 'deleteAfterDays'>>,
): Promise<void> {
  const result = await db
    .updateTable('live_broadcasts')
    .set({
      protocol: changes.protocol,
      draft_id: changes.draftId,
      length_bytes: changes.lengthBytes,
      checksums: changes.checksums,
      synced_us: changes.syncedUs,
      ended: changes.ended === undefined ? undefined : Number(changes.ended),
    })
    .where('video_uid', '=', videoUid)
    .executeTakeFirst()
  if (result.numUpdatedRows === 0n) throw noSuchRecording(videoUid)
}

/** Forgets it: its video has what was recorded. Throws `not_found` when that has been done. */
export async function deleteRecording(trx: Trx, videoUid: string): Promise<void> {
  const result = await trx.deleteFrom('live_broadcasts').where('video_uid', '=', videoUid).executeTakeFirst()
  if (result.numDeletedRows === 0n) throw noSuchRecording(videoUid)
}

/** What a crash or a stop of the server has left. */
export async function listRecordings(db: Db): Promise<readonly RecordingRecord[]> {
  const rows = await db.selectFrom('live_broadcasts').selectAll().orderBy('synced_us').execute()
  return rows.map((row) => ({
    videoUid: row.video_uid,
    inputUid: row.input_uid,
    protocol: row.protocol,
    deleteAfterDays: row.delete_after_days,
    draftId: row.draft_id,
    lengthBytes: row.length_bytes,
    checksums: row.checksums,
    syncedUs: row.synced_us,
    ended: row.ended === 1,
  }))
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** Name of a recording, e.g. `studio two 20 Nov 26 18:31 UTC` (live.md §4). `atUs`: microseconds since 1970. */
export function recordingName(inputName: string, atUs: number): string {
  const at = new Date(Math.floor(atUs / 1000))
  const two = (value: number): string => String(value % 100).padStart(2, '0')
  const day = `${two(at.getUTCDate())} ${MONTHS[at.getUTCMonth()]} ${two(at.getUTCFullYear())}`
  return `${inputName} ${day} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())} UTC`
}

function noSuchRecording(videoUid: string): HeadwaterError {
  return new HeadwaterError('not_found', `No broadcast of video ${videoUid} is being recorded any more.`, {
    facts: { uid: videoUid },
  })
}

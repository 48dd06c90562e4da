/** The queries of audio tracks. What can be played of them is read by `core/timeline`. */

import type { Selectable } from 'kysely'
import { HeadwaterError } from '../../lib/failure.ts'
import type { AudioTracksTable, Db, Trx } from '../../tables.ts'
import type { Explained } from '../faults/index.ts'
import type { AudioTrack, TrackSource } from './audio-track.ts'

/** A video's tracks, in the order in which they were added. */
export async function listTracks(db: Db, videoUid: string): Promise<AudioTrack[]> {
  const rows = await db
    .selectFrom('audio_tracks')
    .selectAll()
    .where('video_uid', '=', videoUid)
    .orderBy('created_us')
    .orderBy('uid')
    .execute()
  return rows.map(fromRow)
}

/** The track, unless it was deleted. */
export async function getTrack(db: Db, uid: string): Promise<AudioTrack | undefined> {
  const row = await db.selectFrom('audio_tracks').selectAll().where('uid', '=', uid).executeTakeFirst()
  return row && fromRow(row)
}

/** The track that is played as this rendition of the video, if it is one that was added. */
export async function getTrackOfRendition(
  db: Db,
  videoUid: string,
  rendition: string,
): Promise<AudioTrack | undefined> {
  return (await listTracks(db, videoUid)).find((track) => track.rendition === rendition)
}

/** The track of that video. Throws `not_found`. */
export async function requireTrack(db: Db, videoUid: string, uid: string): Promise<AudioTrack> {
  const track = await getTrack(db, uid)
  if (track?.videoUid === videoUid) return track
  throw new HeadwaterError('not_found', 'The video has no such audio track; it may have been deleted.')
}

/** When the last of a video's tracks was added, microseconds; 0 if there is none. */
export async function lastAddedUs(db: Db, videoUid: string): Promise<number> {
  const row = await db
    .selectFrom('audio_tracks')
    .select('created_us')
    .where('video_uid', '=', videoUid)
    .orderBy('created_us', 'desc')
    .executeTakeFirst()
  return row?.created_us ?? 0
}

/** Adds a track. */
export async function insertTrack(trx: Trx, track: AudioTrack, createdUs: number): Promise<void> {
  await trx
    .insertInto('audio_tracks')
    .values({
      uid: track.uid,
      video_uid: track.videoUid,
      label: track.label,
      is_default: track.isDefault ? 1 : 0,
      status: track.status,
      error: track.error,
      failure: track.failure && JSON.stringify(track.failure),
      language: track.language,
      rendition: track.rendition,
      channels: null,
      source: JSON.stringify(track.source),
      created_us: createdUs,
    })
    .execute()
}

/** Gives a track another label. */
export async function renameTrack(trx: Trx, uid: string, label: string): Promise<void> {
  await trx.updateTable('audio_tracks').set({ label }).where('uid', '=', uid).execute()
}

/** Flags one track of a video, or none, and no other. */
export async function setDefault(trx: Trx, videoUid: string, uid: string | null): Promise<void> {
  await trx
    .updateTable('audio_tracks')
    .set((expression) => ({
      is_default: expression
        .case()
        .when('uid', '=', uid ?? '')
        .then(1)
        .else(0)
        .end(),
    }))
    .where('video_uid', '=', videoUid)
    .execute()
}

/** The file of a track is here. False when the track was deleted meanwhile. */
export async function setSource(trx: Trx, uid: string, source: TrackSource): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('audio_tracks')
    .set({ source: JSON.stringify(source) })
    .where('uid', '=', uid)
    .where('status', '=', 'queued')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Ends the work on a track; false when it was deleted meanwhile. */
export async function finishTrack(
  trx: Trx,
  uid: string,
  end:
    | { readonly status: 'ready'; readonly channels: 1 | 2 }
    | { readonly status: 'error'; readonly error: string; readonly failure: Explained['detail'] },
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('audio_tracks')
    .set(end.status === 'ready' ? end : { ...end, failure: JSON.stringify(end.failure) })
    .where('uid', '=', uid)
    .where('status', '=', 'queued')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** A finished track is to be made again as `rendition`; false when it was deleted meanwhile. */
export async function reopenTrack(trx: Trx, uid: string, rendition: string): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('audio_tracks')
    .set({ status: 'queued', rendition, channels: null })
    .where('uid', '=', uid)
    .where('status', '=', 'ready')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Removes a track and the record of its file; what is recorded of its rendition is for `dropRendition`. */
export async function deleteTrackRow(trx: Trx, uid: string): Promise<void> {
  await trx.deleteFrom('audio_tracks').where('uid', '=', uid).execute()
}

function fromRow(row: Selectable<AudioTracksTable>): AudioTrack {
  return {
    uid: row.uid,
    videoUid: row.video_uid,
    label: row.label,
    isDefault: row.is_default === 1,
    status: row.status,
    error: row.error,
    failure: row.failure === null ? null : (JSON.parse(row.failure) as Explained['detail']),
    language: row.language,
    rendition: row.rendition,
    source: JSON.parse(row.source) as TrackSource,
  }
}

/** Adding sound to a video: from a URL, from another video, or with a form (api.md §7, media.md §3). */

import { type Jobs, PRIORITY } from '../../jobs/job.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobFacts, Blobs, Clock, Draft } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { audioSourceBlob } from '../blob-names.ts'
import { checkUrl } from '../copy/index.ts'
import { getPlanRow, listAddedSounds } from '../timeline/index.ts'
import {
  checkRoomOnDisk,
  MAX_CHUNK_BYTES,
  storeBody,
  type UploadBody,
  type UploadLimits,
} from '../uploads/index.ts'
import { recordBlob, requireVideo } from '../videos/index.ts'
import {
  type AudioTrack,
  checkLabel,
  checkUnused,
  freeLabel,
  MOST_TRACKS,
  type TrackSource,
} from './audio-track.ts'
import { insertAudioCopy } from './audio-copies.ts'
import { insertTrack, lastAddedUs, listTracks } from './track-records.ts'

export type TrackDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
  readonly limits: UploadLimits
}

/** Which video is meant. */
export type TrackOwner = { readonly accountId: string; readonly uid: string }

/** Kinds of the jobs, and what they are told. */
export const FETCH_AUDIO_KIND = 'fetch-audio'
export const ENCODE_AUDIO_KIND = 'encode-audio'
export type TrackPayload = { readonly track: string }

/** What decodes badly once does so again; a disk that was full may have room. */
const MOST_ATTEMPTS = 3

/** What can be refused before a form is read, or once its label has come. Throws as adding does. */
export async function checkAddTrack(db: Db, owner: TrackOwner, label?: string): Promise<void> {
  const { tracks, hasSound } = await findPlace(db, owner)
  if (label === undefined) return
  checkLabel(label)
  checkUnused(label, tracks, hasSound)
}

/** Has a file fetched and added. Whether there is such a file is not looked at here. Throws `not_found`, `conflict`, `bad_request` or `disk_full`. */
export async function addTrackFromUrl(
  deps: TrackDeps,
  owner: TrackOwner,
  request: { readonly label: string; readonly url: string },
): Promise<AudioTrack> {
  const url = checkUrl(request.url, 'url')
  checkLabel(request.label)
  await checkRoomOnDisk(deps, 0)
  return await deps.db.transaction().execute(async (trx) => {
    const place = await findPlace(trx, owner)
    checkUnused(request.label, place.tracks, place.hasSound)
    const track = await addTrack(deps, trx, owner.uid, { label: request.label, source: { from: 'url' } })
    await insertAudioCopy(trx, track.uid, url.href)
    await enqueueTrack(deps.jobs, trx, track, FETCH_AUDIO_KIND)
    return track
  })
}

/**
 * Adds the sound that is heard of another video of the account. Throws as above, and for the other video, too:
 * `bad_request` when it has no sound.
 */
export async function addTrackFromVideo(
  deps: TrackDeps,
  owner: TrackOwner,
  request: { readonly label?: string | undefined; readonly sourceUid: string },
): Promise<AudioTrack> {
  if (request.label !== undefined) checkLabel(request.label)
  return await deps.db.transaction().execute(async (trx) => {
    const place = await findPlace(trx, owner)
    const { accountId } = owner
    // What is no id may be long, and is not repeated in the refusal.
    const source = await requireVideo(trx, request.sourceUid.slice(0, 32), accountId)
    if (source.state !== 'ready') {
      throw new HeadwaterError(
        'conflict',
        `The video whose sound is to be copied must be ready; it is ${source.state}.`,
        { facts: { uid: source.uid, state: source.state } },
      )
    }
    const plan = (await getPlanRow(trx, source.uid))?.plan
    if (plan?.audio == null && (await listAddedSounds(trx, source.uid)).length === 0) {
      throw new HeadwaterError('bad_request', 'audio.source_video_id names a video without sound.', {
        facts: { field: 'audio.source_video_id', uid: source.uid },
      })
    }
    const { name } = source.meta
    const wanted = typeof name === 'string' && name.trim() !== '' ? name : source.uid
    const label = request.label ?? freeLabel(wanted, place.tracks, place.hasSound)
    checkUnused(label, place.tracks, place.hasSound)
    const track = await addTrack(deps, trx, owner.uid, { label, source: { from: 'video', uid: source.uid } })
    await enqueueTrack(deps.jobs, trx, track, ENCODE_AUDIO_KIND)
    return track
  })
}

/** Takes the bytes of a form's file into `draft`. Throws `payload_too_large`, `disk_full`, and `bad_request` for a file that is empty or broken off. */
export async function receiveTrackFile(draft: Draft, body: UploadBody): Promise<void> {
  const stored = await storeBody(draft, body, MAX_CHUNK_BYTES)
  if (stored.ending === 'disk_full') throw stored.failure
  if (stored.ending === 'more') throw trackTooLarge()
  if (stored.ending === 'broken') {
    throw new HeadwaterError('bad_request', 'The form ended before its file did; send it again.')
  }
  if (stored.bytes === 0) throw new HeadwaterError('bad_request', 'The part `file` of the form is empty.')
}

/** The refusal of a form whose file has more than 200 MB. */
export function trackTooLarge(): HeadwaterError {
  return new HeadwaterError(
    'payload_too_large',
    `A form may carry a file of at most ${MAX_CHUNK_BYTES} bytes (200 MB); larger ones are added by URL.`,
    { facts: { maximumBytes: MAX_CHUNK_BYTES } },
  )
}

/**
 * Adds the file that `draft` holds, which is used up whatever happens: published, or discarded. Throws as above. What is
 * in the file is not looked at here.
 */
export async function addTrackFromDraft(
  deps: TrackDeps,
  owner: TrackOwner,
  request: { readonly label: string; readonly draft: Draft },
): Promise<AudioTrack> {
  const { label, draft } = request
  const uid = deps.clock.newUid()
  let file: BlobFacts | undefined
  let taken = false
  try {
    await checkAddTrack(deps.db, owner, label)
    const published = await draft.publish(audioSourceBlob(owner.uid, uid))
    file = published
    const track = await deps.db.transaction().execute(async (trx) => {
      const place = await findPlace(trx, owner)
      checkUnused(label, place.tracks, place.hasSound)
      await recordBlob(trx, deps.clock, owner.uid, published)
      const added = await addTrack(deps, trx, owner.uid, { uid, label, source: { from: 'file' } })
      await enqueueTrack(deps.jobs, trx, added, ENCODE_AUDIO_KIND)
      return added
    })
    taken = true
    return track
  } finally {
    if (file === undefined) await draft.discard()
    else if (!taken) await deps.blobs.delete(file.name)
  }
}

/** What must be known of a video before a track is added to it. Throws `not_found`, `conflict` unless it is ready, and `bad_request` when it has as many as may be. */
async function findPlace(
  db: Db,
  { accountId, uid }: TrackOwner,
): Promise<{ readonly tracks: readonly AudioTrack[]; readonly hasSound: boolean }> {
  const { state } = await requireVideo(db, uid, accountId)
  if (state !== 'ready') {
    throw new HeadwaterError(
      'conflict',
      `Audio tracks are added to videos that are ready; this one is ${state}.`,
      { facts: { uid, state } },
    )
  }
  const tracks = await listTracks(db, uid)
  if (tracks.length >= MOST_TRACKS) {
    throw new HeadwaterError(
      'bad_request',
      `A video may have at most ${MOST_TRACKS} audio tracks; delete one first.`,
      { facts: { maximum: MOST_TRACKS } },
    )
  }
  const plan = (await getPlanRow(db, uid))?.plan
  return { tracks, hasSound: plan?.audio != null }
}

/** Adds the row of a track that is to be made. */
export async function addTrack(
  deps: Pick<TrackDeps, 'clock'>,
  trx: Trx,
  videoUid: string,
  given: {
    readonly uid?: string
    readonly label: string
    readonly language?: string | null
    readonly source: TrackSource
  },
): Promise<AudioTrack> {
  const track: AudioTrack = {
    uid: given.uid ?? deps.clock.newUid(),
    videoUid,
    label: given.label,
    isDefault: false,
    status: 'queued',
    error: null,
    failure: null,
    language: given.language ?? null,
    // Safe in addresses, and no other rendition has it.
    rendition: `audio-${deps.clock.newUid().slice(0, 12)}`,
    source: given.source,
  }
  const last = await lastAddedUs(trx, videoUid)
  await insertTrack(trx, track, Math.max(deps.clock.nowUs(), last + 1))
  return track
}

/** Has a track made. */
export async function enqueueTrack(
  jobs: Jobs,
  trx: Trx,
  track: Pick<AudioTrack, 'uid' | 'videoUid'>,
  kind: typeof FETCH_AUDIO_KIND | typeof ENCODE_AUDIO_KIND,
): Promise<void> {
  const payload: TrackPayload = { track: track.uid }
  await jobs.enqueue(trx, {
    kind,
    dedupe: `${kind}/${track.uid}`,
    payload,
    videoUid: track.videoUid,
    priority: PRIORITY.rest,
    maxAttempts: MOST_ATTEMPTS,
  })
}

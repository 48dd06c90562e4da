/** What can be done about a damaged blob of each kind, and what it means where nothing can. */

import { getTrackOfRendition, makeTrackAgain, type AudioTrack, getTrack } from '../audio-tracks/index.ts'
import { type BlobKind, ownIdOf, sourceBlob } from '../blob-names.ts'
import { getCaption } from '../captions/index.ts'
import { remakeDownloads } from '../downloads/index.ts'
import { type BlobUser, type EncodeAgainDeps, findBlobUsers } from '../encoding/index.ts'
import { getPlanRow, listPlansOfBlob } from '../timeline/index.ts'
import type { BlobName } from '../../ports.ts'
import type { Trx } from '../../tables.ts'
import { type RecordedBlob, type RemakeDeps, remakeIndex, remakeRemux } from './remake-media.ts'

export type RemedyDeps = RemakeDeps & EncodeAgainDeps

/** A damaged blob, and what else is known to be beyond repair. */
export type Patient = { readonly blob: RecordedBlob; readonly lost: ReadonlySet<BlobName> }

/**
 * `encode`: with the others of its video, by `encodeAgain`. `apply` answers false when it could not be done after all.
 * The sentences tell what it means, before and after.
 */
export type Remedy =
  | { readonly by: 'nobody'; readonly means: string }
  | { readonly by: 'encoder'; readonly would: string; readonly did: string }
  | {
      readonly by: 'us'
      readonly would: string
      readonly did: string
      /** Where `apply` answers false. */
      readonly failed?: string
      readonly apply: (signal: AbortSignal) => Promise<boolean>
    }

/** Finds it. Nothing is changed before `apply`. */
export async function findRemedy(deps: RemedyDeps, kind: BlobKind, patient: Patient): Promise<Remedy> {
  return await REMEDIES[kind](deps, patient)
}

/** Images of watermarks have no row in `blobs`; this is what is said of them. */
export const LOST_WATERMARK = {
  by: 'nobody',
  means:
    'The image of a watermark cannot be made again. What is encoded keeps its mark; nothing more can be encoded of videos that have it. Put the file back from a backup, or make the profile anew and upload those videos again.',
} as const satisfies Remedy

const REMEDIES: Readonly<Record<BlobKind, (deps: RemedyDeps, patient: Patient) => Promise<Remedy>>> = {
  source: sourceRemedy,
  remux: remuxRemedy,
  index: indexRemedy,
  track: trackRemedy,
  download: downloadRemedy,
  image: async (deps, { blob }) => ({
    by: 'us',
    would: 'It is made again when somebody asks for it.',
    did: 'It was thrown away and is made again when somebody asks for it.',
    apply: () => forget(deps, blob.name),
  }),
  caption: captionRemedy,
  watermark: async () => LOST_WATERMARK,
  'audio-source': async ({ db }, { blob }) => {
    const track = await getTrack(db, ownIdOf(blob.name))
    return lost(`It is the file of ${nameOf(track)}, which can only be made of it. ${ADD_AGAIN}`)
  },
}

const lost = (means: string): Remedy => ({ by: 'nobody', means })

const ADD_AGAIN = 'Delete the track and add it again.'

async function sourceRemedy({ db }: RemedyDeps, { blob }: Patient): Promise<Remedy> {
  const back =
    'Put the file back from a backup and scrub again, or upload the video again: nothing here can make it anew.'
  const row = await getPlanRow(db, blob.videoUid)
  if (row === undefined) return lost(`The video cannot be processed from it. ${back}`)
  const { plan, mediaBlob } = row
  const isCut =
    mediaBlob === blob.name &&
    (plan.video.some(({ made }) => made === 'passthrough') || plan.audio?.made === 'passthrough')
  const plays = isCut
    ? 'What is played straight from this file (the original quality or sound) shows the damage; encoded qualities are as good as before.'
    : 'The video goes on playing, since what is played was made of it before.'
  return lost(`The file as it was received is damaged. ${plays} ${back}`)
}

async function remuxRemedy(deps: RemedyDeps, { blob, lost: gone }: Patient): Promise<Remedy> {
  const source = sourceBlob(blob.videoUid)
  if (gone.has(source))
    return lost(`It is a copy of blobs/${source}, which is damaged, too; put that back first.`)
  return {
    by: 'us',
    would: 'It can be copied from the source again.',
    did: 'It was copied from the source again.',
    failed:
      'It was copied from the source again, but this ffmpeg writes another file than the one before did, so the copy was thrown away. Put it back from a backup, scrub with the ffmpeg that made it, or upload the video again.',
    apply: (signal) => remakeRemux(deps, blob, signal),
  }
}

async function indexRemedy(deps: RemedyDeps, { blob, lost: gone }: Patient): Promise<Remedy> {
  const [row] = await listPlansOfBlob(deps.db, blob.name)
  if (row === undefined) return unusedRemedy(deps, blob.name)
  const { mediaBlob } = row
  if (gone.has(mediaBlob))
    return lost(`It is read from blobs/${mediaBlob}, which is damaged, too; put that back first.`)
  return {
    by: 'us',
    would: `It can be read from blobs/${mediaBlob} again.`,
    did: `It was read from blobs/${mediaBlob} again.`,
    apply: async () => {
      await remakeIndex(deps, blob, mediaBlob)
      return true
    },
  }
}

async function trackRemedy(deps: RemedyDeps, patient: Patient): Promise<Remedy> {
  const { name } = patient.blob
  const users = await findBlobUsers(deps.db, name)
  const [first] = users
  if (first === undefined) return unusedRemedy(deps, name)
  const track = await getTrackOfRendition(deps.db, first.uid, first.rendition)
  if (track !== undefined) return await soundRemedy(deps, patient, track)
  const needed = await findNeeded(deps, users)
  const without = needed.find((one) => patient.lost.has(one))
  if (without !== undefined) {
    return lost(
      `It would be encoded from blobs/${without}, which is damaged, too; put that back and scrub again.`,
    )
  }
  const what = users.some(({ as }) => as === 'init')
    ? 'It is the header of a quality, all of which'
    : 'It holds some seconds of a quality, which'
  const videos = new Set(users.map(({ uid }) => uid)).size
  const of = videos === 1 ? '' : `, in the ${videos} videos that share it,`
  return {
    by: 'encoder',
    would: `${what}${of} can be encoded from the source again.`,
    did: `${what}${of} is encoded from the source again; who watches it meanwhile gets every second as soon as it is there.`,
  }
}

/** What encoding the videos of `users` reads. */
async function findNeeded({ db }: RemedyDeps, users: readonly BlobUser[]): Promise<BlobName[]> {
  const needed: BlobName[] = []
  for (const { uid } of users) {
    const row = await getPlanRow(db, uid)
    if (row === undefined) continue
    const { mediaBlob, indexBlob, plan } = row
    needed.push(
      mediaBlob,
      ...[indexBlob ?? []].flat(),
      ...(plan.mark === undefined ? [] : [plan.mark.imageBlob]),
    )
  }
  return needed
}

async function soundRemedy(deps: RemedyDeps, { lost: gone }: Patient, track: AudioTrack): Promise<Remedy> {
  const { source } = track
  if (source.from === 'file' || source.from === 'url') {
    return lost(
      `It is the sound of ${nameOf(track)}, whose file is not kept once it is encoded. ${ADD_AGAIN}`,
    )
  }
  const uid = source.from === 'video' ? source.uid : track.videoUid
  const media = source.from === 'video' ? (await getPlanRow(deps.db, uid))?.mediaBlob : sourceBlob(uid)
  if (media === undefined || gone.has(media)) {
    return lost(
      `It is the sound of ${nameOf(track)}, and the video it was taken from is gone or damaged. ${ADD_AGAIN}`,
    )
  }
  return {
    by: 'us',
    would: `It is the sound of ${nameOf(track)}, which can be made again.`,
    did: `It is the sound of ${nameOf(track)}, which is made again and missing until then.`,
    apply: async () => {
      await makeTrackAgain(deps, track)
      return true
    },
  }
}

function nameOf(track: AudioTrack | undefined): string {
  return track === undefined ? 'an audio track' : `the audio track ${JSON.stringify(track.label)}`
}

async function downloadRemedy(deps: RemedyDeps, { blob, lost: gone }: Patient): Promise<Remedy> {
  const row = await getPlanRow(deps.db, blob.videoUid)
  if (row !== undefined && gone.has(row.mediaBlob)) {
    return lost(
      `It would be put together from blobs/${row.mediaBlob}, which is damaged, too; put that back and scrub again.`,
    )
  }
  return {
    by: 'us',
    would: 'It can be put together again from what is stored.',
    did: 'It is put together again from what is stored.',
    apply: async () => {
      const { db, blobs, jobs } = deps
      const names = await db
        .transaction()
        .execute((trx) => remakeDownloads(jobs, trx, blob.videoUid, blob.name))
      for (const name of names) await blobs.delete(name)
      return names.length > 0 || (await forget(deps, blob.name))
    },
  }
}

async function captionRemedy(deps: RemedyDeps, { blob }: Patient): Promise<Remedy> {
  const caption = await getCaption(deps.db, ownIdOf(blob.name))
  if (caption === undefined) return unusedRemedy(deps, blob.name)
  const { language, generated } = caption
  const again = generated ? 'Delete them and have them generated again.' : 'Upload them again.'
  return lost(
    `The captions of the language ${language} are what somebody wrote; they are served as they are. ${again}`,
  )
}

/** No row but its own names it. */
function unusedRemedy(deps: RemedyDeps, name: BlobName): Remedy {
  return {
    by: 'us',
    would: 'Nothing uses it, so that its record can go.',
    did: 'Nothing used it; its record was removed.',
    apply: () => forget(deps, name),
  }
}

async function forget({ db, blobs }: RemedyDeps, name: BlobName): Promise<boolean> {
  await db.transaction().execute((trx: Trx) => trx.deleteFrom('blobs').where('name', '=', name).execute())
  await blobs.delete(name)
  return true
}

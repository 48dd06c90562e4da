/** Further sound in a video's own file, as tracks of the video. */

import type { Jobs } from '../../jobs/job.ts'
import type { Clock } from '../../ports.ts'
import type { Trx } from '../../tables.ts'
import { addTrack, ENCODE_AUDIO_KIND, enqueueTrack } from './add-track.ts'
import { freeLabel, MOST_TRACKS } from './audio-track.ts'
import { listTracks } from './track-records.ts'

export type InsideSound = {
  /** Number among the sound streams of the file. */
  readonly stream: number
  /** BCP 47; null where the file does not tell it. */
  readonly language: string | null
  /** What it should be called; a number is put behind it where that is needed. */
  readonly label: string
}

/** Adds as many of them as may be; answers their labels, and how many were left out. */
export async function addInsideTracks(
  deps: { readonly jobs: Jobs; readonly clock: Clock },
  trx: Trx,
  uid: string,
  { sounds, hasSound }: { readonly sounds: readonly InsideSound[]; readonly hasSound: boolean },
): Promise<{ readonly labels: string[]; readonly left: number }> {
  const tracks = await listTracks(trx, uid)
  const room = sounds.slice(0, Math.max(0, MOST_TRACKS - tracks.length))
  const labels: string[] = []
  for (const { stream, language, label } of room) {
    const track = await addTrack(deps, trx, uid, {
      label: freeLabel(label, tracks, hasSound),
      language,
      source: { from: 'inside', stream },
    })
    await enqueueTrack(deps.jobs, trx, track, ENCODE_AUDIO_KIND)
    tracks.push(track)
    labels.push(track.label)
  }
  return { labels, left: sounds.length - room.length }
}

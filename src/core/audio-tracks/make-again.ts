/** Making an added sound again whose stored form was damaged, where what it was made of is still there. */

import type { Jobs } from '../../jobs/job.ts'
import type { BlobName, Blobs, Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { dropRendition } from '../encoding/index.ts'
import { bumpRevision } from '../timeline/index.ts'
import { ENCODE_AUDIO_KIND, enqueueTrack } from './add-track.ts'
import type { AudioTrack } from './audio-track.ts'
import { reopenTrack } from './track-records.ts'

export type MakeAgainDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
}

/**
 * Queues the track under another rendition, until when manifests leave it out. Only for one that was taken from a video
 * (`from: 'video'` or `'inside'`): a file of its own was deleted once it was encoded.
 */
export async function makeTrackAgain(deps: MakeAgainDeps, track: AudioTrack): Promise<void> {
  const unused: BlobName[] = []
  await deps.db.transaction().execute(async (trx) => {
    unused.length = 0
    const rendition = `audio-${deps.clock.newUid().slice(0, 12)}`
    if (!(await reopenTrack(trx, track.uid, rendition))) return
    unused.push(...(await dropRendition(trx, track.videoUid, track.rendition)))
    await bumpRevision(trx, track.videoUid)
    await enqueueTrack(deps.jobs, trx, track, ENCODE_AUDIO_KIND)
  })
  for (const name of unused) await deps.blobs.delete(name)
}

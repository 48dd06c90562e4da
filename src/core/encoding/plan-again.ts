/**
 * After another ffmpeg was installed: renditions that the old one left unfinished are made again from their start, under
 * new ids, since two builds must not meet inside a rendition. What was complete stays.
 */

import type { Jobs } from '../../jobs/job.ts'
import type { Blobs, Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import type { Plan, VideoRendition } from '../planning/index.ts'
import { getPlanRow, replacePlan } from '../timeline/index.ts'
import { dropRendition, findFinished, isComplete, isWhole } from './chunk-records.ts'
import { enqueueFirstChunks } from './enqueue-chunks.ts'

/** Plans every unfinished video of another build again; answers how many. Called before work starts. */
export async function planAgain(
  deps: { readonly db: Db; readonly blobs: Blobs; readonly jobs: Jobs; readonly clock: Clock },
  build: string,
): Promise<number> {
  const rows = await deps.db.selectFrom('plans').select('video_uid').where('complete', '=', 0).execute()
  let changed = 0
  for (const { video_uid: uid } of rows) {
    const unused: string[] = []
    const again = await deps.db.transaction().execute(async (trx) => {
      const row = await getPlanRow(trx, uid)
      if (row === undefined || row.plan.decoder === build) return false
      const { plan } = row
      const finished = await findFinished(trx, uid)
      const renamed = new Map<string, string>()
      for (const { id } of [...plan.video, ...(plan.audio ? [plan.audio] : [])]) {
        if (isWhole(plan, id, finished)) continue
        renamed.set(id, `${id.slice(0, id.lastIndexOf('-'))}-${deps.clock.newUid().slice(0, 12)}`)
        unused.push(...(await dropRendition(trx, uid, id)))
      }
      const rename = <R extends { readonly id: string }>(one: R): R => ({
        ...one,
        id: renamed.get(one.id) ?? one.id,
      })
      const next: Plan = {
        ...plan,
        decoder: build,
        video: plan.video.map((one) => (renamed.has(one.id) ? makeAnew(rename(one)) : one)),
        audio: plan.audio && rename(plan.audio),
      }
      await replacePlan(trx, uid, next)
      if (!isComplete(next, finished)) await enqueueFirstChunks(trx, deps.jobs, uid, next)
      return true
    })
    for (const name of unused) await deps.blobs.delete(name)
    if (again) changed += 1
  }
  return changed
}

/** Nothing of an encoded rendition that begins anew is shared any more; a passthrough is the source's still. */
function makeAnew({ joined, ...rendition }: VideoRendition): VideoRendition {
  return rendition.made === 'passthrough' && joined !== undefined ? { ...rendition, joined } : rendition
}

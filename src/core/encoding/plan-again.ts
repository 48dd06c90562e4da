/**
 * After another ffmpeg was installed: renditions that the old one left unfinished are made again from their start, under
 * new ids, since two builds must not meet inside a rendition. What was complete stays.
 */

import type { Jobs } from '../../jobs/job.ts'
import type { Blobs, Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import type { AudioRendition, Plan, VideoRendition } from '../planning/index.ts'
import { getPlanRow, replacePlan } from '../timeline/index.ts'
import { dropRendition, findFinished, isComplete, isWhole } from './chunk-records.ts'
import { enqueueFirstChunks } from './enqueue-chunks.ts'

/**
 * Plans unfinished videos of another build again, all of them or one; answers how many. A job that is at work on one
 * notices it when it ends (`publish-chunk.ts`).
 */
export async function planAgain(
  deps: { readonly db: Db; readonly blobs: Blobs; readonly jobs: Jobs; readonly clock: Clock },
  build: string,
  only?: string,
): Promise<number> {
  const rows = await deps.db
    .selectFrom('plans')
    .select('video_uid')
    .where('complete', '=', 0)
    .$if(only !== undefined, (query) => query.where('video_uid', '=', only ?? ''))
    .execute()
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
        renamed.set(id, nextId(id, deps.clock))
        unused.push(...(await dropRendition(trx, uid, id)))
      }
      const next: Plan = {
        ...plan,
        decoder: build,
        video: plan.video.map((one) => beginAnew(one, renamed)),
        audio: plan.audio && beginAnew(plan.audio, renamed),
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

/** Another id for a rendition that is made again; safe in addresses, and no other rendition has it. */
export function nextId(id: string, clock: Pick<Clock, 'newUid'>): string {
  return `${id.slice(0, id.lastIndexOf('-'))}-${clock.newUid().slice(0, 12)}`
}

/**
 * A rendition of `renamed` under its new id, made from its start: whoever has its former header can do nothing with its
 * segments. Nothing of an encoded one is shared any more; a passthrough is the source's still.
 */
export function beginAnew<R extends VideoRendition | AudioRendition>(
  rendition: R,
  renamed: ReadonlyMap<string, string>,
): R {
  const id = renamed.get(rendition.id)
  if (id === undefined) return rendition
  const { formerIds: _, ...anew } = { ...rendition, id }
  if ('joined' in anew && anew.made !== 'passthrough') delete anew.joined
  return anew as unknown as R
}

/** The `clip` job: plans the clip, lets it share what its source has finished, and has the rest encoded. */

import type { ClaimedJob, Jobs } from '../../jobs/job.ts'
import { assert, isFailure } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import { freeParameterSetId } from '../../media/codecs/join-avc.ts'
import { readMovie } from '../../media/isobmff/read-movie.ts'
import type { Blobs, Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { publishSoundInit } from '../encoding/index.ts'
import { type ClipPlan, type ClipRange, type JoinedCoding, type Mark, planClip } from '../planning/index.ts'
import { getPlanRow, listRenditionRows, type PlanRow, type SourceIndexes } from '../timeline/index.ts'
import { explainFailure } from '../faults/index.ts'
import { failVideo, getVideo, type Video } from '../videos/index.ts'
import { type ClipPayload, sourceGone } from './clip.ts'
import { openClip } from './open-clip.ts'

export type MakeClipDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
  readonly log: Log
  readonly indexes: SourceIndexes
  /** `DecoderBuild.id` of the encoder that will make the edges. */
  readonly decoder: { readonly build: { readonly id: string } }
}

/** Runs the job. */
export async function makeClip(deps: MakeClipDeps, job: ClaimedJob): Promise<void> {
  const { uid, sourceUid, startSeconds, endSeconds } = job.payload as ClipPayload
  const video = await getVideo(deps.db, uid)
  if (video?.state !== 'queued') {
    // Deleted, or cut by a claim that lost its lease after the commit.
    await deps.db.transaction().execute((trx) => deps.jobs.complete(trx, job))
    return
  }
  try {
    await cut(deps, job, video)
    deps.log.info({ uid, sourceUid, startSeconds, endSeconds }, 'clip planned')
  } catch (error) {
    // The source, or a blob of it, was deleted before the clip named it.
    if (!isFailure(error, 'not_found')) throw error
    await failClip(deps, job, sourceGone())
  }
}

async function cut(deps: MakeClipDeps, job: ClaimedJob, video: Video): Promise<void> {
  const { uid, sourceUid, marked, ...range } = job.payload as ClipPayload
  const source = await getPlanRow(deps.db, sourceUid)
  if (source === undefined) throw sourceGone()
  const planned = await plan(deps, source, { sourceUid, range, mark: marked ? video.watermark : null })
  const { audio } = planned.plan
  const soundInit = audio?.made === 'encoded' ? await publishSoundInit(deps.blobs, uid, audio) : null
  try {
    await openClip(deps, job, { uid, sourceUid, source, planned, soundInit })
  } catch (error) {
    // Nobody names it yet.
    if (soundInit !== null) await deps.blobs.delete(soundInit.name)
    throw error
  }
}

async function plan(
  deps: MakeClipDeps,
  source: PlanRow,
  { sourceUid, range, mark }: { sourceUid: string; range: ClipRange; mark: Mark | null },
): Promise<ClipPlan> {
  const index = source.indexBlob === null ? null : await deps.indexes.open(source.indexBlob, source.plan)
  const entry = index?.picture.entries[0]
  return planClip(source.plan, range, {
    newId: (name) => `${name}-${deps.clock.newUid().slice(0, 12)}`,
    pictures:
      index?.own == null || entry === undefined
        ? null
        : { ...index.own, sampleEntry: entry.box, avcC: entry.config },
    decoder: deps.decoder.build.id,
    sourceComplete: source.complete,
    joined: await findJoined(deps, source, sourceUid),
    mark,
  })
}

/** Encoded renditions that another encoder made than the one that goes on with them. */
async function findJoined(
  { db, blobs, decoder }: MakeClipDeps,
  { plan }: PlanRow,
  sourceUid: string,
): Promise<Map<string, JoinedCoding>> {
  const joined = new Map<string, JoinedCoding>()
  for (const { rendition, initBlob } of await listRenditionRows(db, sourceUid)) {
    const picture = plan.video.find(({ id }) => id === rendition)
    if (picture === undefined || picture.made === 'passthrough') continue
    if (plan.decoder === decoder.build.id && picture.joined === undefined) continue
    const reader = await blobs.open(initBlob)
    try {
      const entry = (await readMovie(reader)).tracks[0]?.entries[0]
      assert(entry?.config != null, `the init segment of ${rendition} has no sample entry`)
      const parameterSetId = freeParameterSetId(entry.config)
      assert(parameterSetId !== undefined, `the init segment of ${rendition} has no room for another encoder`)
      joined.set(rendition, { sampleEntry: Buffer.from(entry.box).toString('hex'), parameterSetId })
    } finally {
      await reader.close()
    }
  }
  return joined
}

/** Ends a clip that cannot be made. `jobIsEnded`: by whoever calls. Default false. */
export async function failClip(
  deps: Pick<MakeClipDeps, 'db' | 'jobs' | 'clock'>,
  job: ClaimedJob,
  error: unknown,
  options: { readonly jobIsEnded?: boolean } = {},
): Promise<void> {
  const { uid } = job.payload as ClipPayload
  await deps.db.transaction().execute(async (trx) => {
    if (options.jobIsEnded !== true) await deps.jobs.complete(trx, job)
    if ((await getVideo(trx, uid)) === undefined) return
    const unexpected = 'Something unexpected happened while the clip was cut.'
    await failVideo(trx, deps, uid, explainFailure(error, { stage: 'clip', exactly: true, unexpected }))
  })
}

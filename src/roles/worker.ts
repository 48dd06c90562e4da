/** The `worker` role: downloads sources, looks at them, encodes them, makes files of them and tells webhooks. Rules live in `core`; here is only who runs what, how many at a time. */

import { availableParallelism } from 'node:os'
import {
  ENCODE_AUDIO_KIND,
  encodeTrack,
  type EncodeTrackDeps,
  FETCH_AUDIO_KIND,
  fetchTrack,
  type FetchTrackDeps,
  giveUpTrack,
} from '../core/audio-tracks/index.ts'
import { CLIP_KIND, failClip, makeClip } from '../core/clips/index.ts'
import { type FetchSourceDeps, fetchSource, giveUpCopy } from '../core/copy/index.ts'
import { type BuildDeps, buildDownload, giveUpDownloadFile } from '../core/downloads/index.ts'
import {
  encodeChunk,
  type EncodeDeps,
  EncodeProgress,
  giveUpEncode,
  planAgain,
  urgentChunk,
} from '../core/encoding/index.ts'
import type { Planner } from '../core/planning/index.ts'
import { concatenate, giveUpConcatenation } from '../core/uploads/index.ts'
import { giveUpInside, INSIDE_KIND, type InsideDeps, takeInside } from '../core/inside/index.ts'
import { failIngest, type IngestDeps, ingestSource } from '../core/ingest/index.ts'
import { giveUpSpeech, type HearDeps, hearSound } from '../core/speech/index.ts'
import { getVideo } from '../core/videos/index.ts'
import {
  type DeliverDeps,
  deliverCall,
  giveUpDelivery,
  MOST_AT_ONCE,
  WEBHOOK_KINDS,
} from '../core/webhooks/index.ts'
import { presentVideo } from '../http/present-video.ts'
import { type ClaimedJob, type Jobs, PRIORITY } from '../jobs/job.ts'
import { type JobHandler, JobRunner, type SlotRule } from '../jobs/run-jobs.ts'
import type { Log } from '../lib/log.ts'
import type { Blobs, Clock, Decoder } from '../ports.ts'
import type { SourceIndexes } from '../core/timeline/index.ts'
import type { Db } from '../tables.ts'
import type { Role } from './role.ts'

export type WorkerDeps = FetchSourceDeps &
  BuildDeps &
  HearDeps &
  EncodeTrackDeps &
  FetchTrackDeps &
  InsideDeps & {
    readonly db: Db
    readonly blobs: Blobs
    readonly jobs: Jobs
    readonly clock: Clock
    readonly decoder: Decoder
    readonly planner: Planner
    readonly indexes: SourceIndexes
    readonly log: Log
    readonly settings: {
      /** Encodes at a time. */
      readonly workers: number
      readonly quality: 'standard' | 'high'
      readonly forceLadder: boolean
      /** Whether further sound and text in a file become tracks of its video. */
      readonly tracksInside: boolean
      /** Base of the addresses in webhook calls; null: the one that the webhook was set through. */
      readonly publicUrl: string | null
    }
  }

/** Kinds of jobs this role runs, each with its handler. */
export function workerHandlers(
  deps: WorkerDeps,
): Record<
  | 'download'
  | 'concatenate'
  | 'ingest'
  | 'clip'
  | 'encode'
  | 'urgent'
  | 'build-download'
  | 'speech'
  | typeof FETCH_AUDIO_KIND
  | typeof ENCODE_AUDIO_KIND
  | typeof INSIDE_KIND,
  JobHandler
> {
  const { workers, quality, forceLadder, tracksInside } = deps.settings
  const ingest: IngestDeps = {
    ...deps,
    settings: { decoder: deps.decoder.build.id, quality, forceLadder },
    tracksInside,
  }
  const encode: EncodeDeps = {
    ...deps,
    progress: new EncodeProgress(deps),
    threads: encoderThreads(workers),
  }
  return {
    download: (job, context) => fetchSource(deps, job, context),
    concatenate: (job, context) => concatenate(deps, job, context),
    ingest: (job, context) => ingestSource(ingest, job, context),
    clip: (job) => makeClip(deps, job),
    encode: (job, context) => encodeChunk(encode, job, context),
    urgent: (job, context) => urgentChunk(encode, job, context),
    'build-download': (job, context) => buildDownload(deps, job, context),
    speech: (job, context) => hearSound(deps, job, context),
    [FETCH_AUDIO_KIND]: (job, context) => fetchTrack(deps, job, context),
    [ENCODE_AUDIO_KIND]: (job, context) => encodeTrack(deps, job, context),
    [INSIDE_KIND]: (job, context) => takeInside(deps, job, context),
  }
}

/** The handlers of webhook calls. */
export function webhookHandlers(deps: DeliverDeps): Record<string, JobHandler> {
  const deliver: JobHandler = (job, context) => deliverCall(deps, job, context)
  return Object.fromEntries(WEBHOOK_KINDS.map((kind) => [kind, deliver]))
}

function deliverDeps(deps: WorkerDeps): DeliverDeps {
  return { ...deps, describeVideo: createDescribeVideo(deps.db, deps.settings.publicUrl) }
}

/** What calls say of a video: what the API does. `publicUrl`, if there is one, begins its addresses. */
export function createDescribeVideo(db: Db, publicUrl: string | null): DeliverDeps['describeVideo'] {
  const fixed = publicUrl?.replace(/\/+$/, '')
  return async (uid, baseUrl) => {
    const video = await getVideo(db, uid)
    return video && JSON.stringify(presentVideo(video, fixed ?? baseUrl))
  }
}

/**
 * Threads per encoder when as many chunks run as may: their share of the cores and one more, since a chunk's encoders
 * take turns and the last chunk of a video runs with few beside it (a tenth less wall time for 3 % more processor time).
 */
function encoderThreads(workers: number): number {
  return workers === 1 ? 0 : Math.floor(availableParallelism() / workers) + 1
}

/** Downloads at a time: enough that a few slow origins do not keep the others waiting. */
const DOWNLOADS = 8

/** Which jobs run at a time. Ordinary encodes fill the cores; nothing that somebody waits for stands behind them. */
export function workerSlots(workers: number): SlotRule[] {
  return [
    { kinds: ['encode'], count: workers },
    // The first seconds of a video.
    { kinds: ['encode'], maxPriority: PRIORITY.first, count: 1 },
    // A viewer waits.
    { kinds: ['urgent'], maxPriority: PRIORITY.viewer, count: 1 },
    // They wait for others' machines, so they take nothing from the encodes.
    { kinds: ['download', FETCH_AUDIO_KIND], count: DOWNLOADS },
    // Reading an index takes a tenth of a second; copying a large file into another container takes longer.
    { kinds: ['ingest'], count: 2 },
    // Only rows are written; whoever asked for one waits.
    { kinds: [CLIP_KIND], count: 1 },
    // Only the disk works; a small one must not wait for minutes behind a large one.
    { kinds: ['concatenate'], count: 2 },
    // An engine takes every core or graphics processor it finds.
    { kinds: ['speech'], count: 1 },
    { kinds: ['build-download'], count: 2 },
    // Hours of sound are a minute's work of one core, at the lowest priority.
    { kinds: [ENCODE_AUDIO_KIND, INSIDE_KIND], count: 1 },
    // Each receiver has a place of its own, so none waits for one that hangs; the rest is for whoever has much to be told.
    ...WEBHOOK_KINDS.map((kind) => ({ kinds: [kind], count: 1 })),
    { kinds: WEBHOOK_KINDS, count: MOST_AT_ONCE - WEBHOOK_KINDS.length },
  ]
}

/** Creates the role. */
export function createWorkerRole(deps: WorkerDeps): Role {
  const runner = new JobRunner(deps, {
    handlers: { ...workerHandlers(deps), ...webhookHandlers(deliverDeps(deps)) },
    slots: workerSlots(deps.settings.workers),
    onGiveUp: (job, error) => giveUp(deps, job, error),
  })
  return {
    name: 'worker',
    routes: [],
    async start() {
      const again = await planAgain(deps, deps.decoder.build.id)
      if (again > 0) {
        deps.log.info(
          { videos: again, decoder: deps.decoder.build.id },
          'another ffmpeg: unfinished renditions start anew',
        )
      }
      runner.start()
    },
    stop: () => runner.stop(),
  }
}

async function giveUp(deps: WorkerDeps, job: ClaimedJob, error: unknown): Promise<void> {
  const { videoUid } = job
  if (WEBHOOK_KINDS.includes(job.kind)) return await giveUpDelivery(deliverDeps(deps), job, error)
  if (videoUid === null) return
  if (job.kind === 'encode') return await giveUpEncode(deps, job, error)
  if (job.kind === 'concatenate') return await giveUpConcatenation(deps, videoUid, error)
  if (job.kind === 'build-download') return await giveUpDownloadFile(deps.db, job)
  if (job.kind === 'speech') return await giveUpSpeech(deps, job, error)
  if (job.kind === FETCH_AUDIO_KIND || job.kind === ENCODE_AUDIO_KIND)
    return await giveUpTrack(deps, job, error)
  if (job.kind === CLIP_KIND) return await failClip(deps, job, error, { jobIsEnded: true })
  if (job.kind === INSIDE_KIND) return await giveUpInside(deps, job, error)
  if (job.kind === 'download') return await giveUpCopy(deps, videoUid, error)
  if (job.kind === 'ingest') {
    await deps.db.transaction().execute((trx) => failIngest(deps, trx, videoUid, error))
  }
  // An urgent segment is made by its ordinary chunk in time.
}

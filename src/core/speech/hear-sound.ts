/**
 * The `speech` job: the sound of a video, from time 0 of its timeline, goes to the speech engine, and what it writes
 * becomes the captions. A claim that is interrupted leaves nothing but work; the next one begins anew.
 */

import type { ClaimedJob, Jobs } from '../../jobs/job.ts'
import type { JobContext } from '../../jobs/run-jobs.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { BlobFacts, Decoder, DecoderRun, DecoderTask, SpeechEngine } from '../../ports.ts'
import { type Caption, type CaptionDeps, finishCaption, getCaption, publishCues } from '../captions/index.ts'
import { chooseSound } from '../encoding/index.ts'
import { explainFailure } from '../faults/index.ts'
import { getPlanRow, type SourceIndexes } from '../timeline/index.ts'
import { recordBlob, recordEvent, requireVideo } from '../videos/index.ts'
import { type SpeechPayload, spokenLanguage } from './request-captions.ts'

export type HearDeps = CaptionDeps & {
  readonly jobs: Jobs
  readonly decoder: Decoder
  readonly indexes: SourceIndexes
  /** null when none is configured in this process. */
  readonly speech: SpeechEngine | null
  readonly log: Log
}

const SOUND = 'sound.wav'
/** What engines are trained on. */
const SAMPLE_RATE = 16_000
const BYTES_PER_SECOND = SAMPLE_RATE * 2

/**
 * Runs the job. Throws `sound_missing` where there is nothing to hear, `speech_failed` and what decoding throws; the
 * captions become `error` when the job is given up.
 */
export async function hearSound(deps: HearDeps, job: ClaimedJob, { signal }: JobContext): Promise<void> {
  const { uid, id } = job.payload as SpeechPayload
  const caption = await getCaption(deps.db, id)
  if (caption?.status !== 'inprogress') {
    // Deleted or replaced while it waited.
    await deps.db.transaction().execute((trx) => deps.jobs.complete(trx, job))
    return
  }
  const heard = await transcribe(deps, caption, signal)
  const blob = await publish(deps, caption, heard)
  let used = false
  try {
    used = await deps.db.transaction().execute(async (trx) => {
      await deps.jobs.complete(trx, job)
      if (!(await finishCaption(trx, id, { status: 'ready', blob: blob.name, failure: null }))) return false
      await recordBlob(trx, deps.clock, uid, blob)
      const { language } = caption
      await recordEvent(trx, deps.clock, await requireVideo(trx, uid), {
        kind: 'captions',
        detail: { language, status: 'ready' },
      })
      return true
    })
  } finally {
    if (!used) await deps.blobs.delete(blob.name)
  }
}

/** Ends the captions of a job that was given up; the sentence goes to the video's events. */
export async function giveUpSpeech(deps: HearDeps, job: ClaimedJob, error: unknown): Promise<void> {
  const { uid, id } = job.payload as SpeechPayload
  await deps.db.transaction().execute(async (trx) => {
    const caption = await getCaption(trx, id)
    if (caption === undefined) return
    const { detail } = explainFailure(error, {
      stage: 'speech',
      unexpected: 'Something unexpected happened while the captions were made.',
    })
    if (!(await finishCaption(trx, id, { status: 'error', blob: null, failure: detail }))) return
    await recordEvent(trx, deps.clock, await requireVideo(trx, uid), {
      kind: 'captions',
      detail: { language: caption.language, status: 'error', ...detail },
    })
  })
}

async function transcribe(deps: HearDeps, caption: Caption, signal: AbortSignal): Promise<Uint8Array> {
  if (deps.speech === null) {
    throw new HeadwaterError(
      'speech_failed',
      'The worker has no speech engine; give it the settings of the API.',
    )
  }
  const run = await decodeSound(deps, caption.videoUid, signal)
  try {
    const sound = run.files.get(SOUND)
    if (sound === undefined) throw new HeadwaterError('sound_missing', 'The video has no sound.')
    return await deps.speech.transcribe(sound, { language: spokenLanguage(caption.language), signal })
  } finally {
    await run.release()
  }
}

/** The sound as mono WAV whose first sample is that of time 0. */
async function decodeSound(deps: HearDeps, uid: string, signal: AbortSignal): Promise<DecoderRun> {
  const row = await getPlanRow(deps.db, uid)
  if (row === undefined) throw new HeadwaterError('not_found', `Video ${uid} has no plan.`)
  const { plan, mediaBlob, indexBlob } = row
  const seconds = (plan.cuts.at(-1) ?? 0) / plan.timescale
  const index = indexBlob === null ? null : await deps.indexes.open(indexBlob, plan)
  const chosen =
    plan.sound === null ? null : chooseSound(deps.blobs, plan, mediaBlob, index, { start: 0, end: seconds })
  if (chosen === null) throw new HeadwaterError('sound_missing', 'The video has no sound.')
  const task: DecoderTask = {
    label: `sound of ${uid} for captions`,
    input: chosen.input,
    args: buildSpeechArgs(chosen, seconds),
    outputs: [SOUND],
    limits: {
      wallMs: 60_000 + Math.ceil(seconds * 1_000),
      cpuSeconds: 60 + Math.ceil(seconds),
      outputBytes: Math.ceil(seconds * BYTES_PER_SECOND) + 1_048_576,
      memoryBytes: 3 * 1024 ** 3,
    },
    nice: 10,
  }
  return await deps.decoder.run(task, { signal })
}

/** Time 0 of the timeline first, holes filled with silence, nothing behind the picture. */
function buildSpeechArgs(
  sound: { readonly demuxer: string; readonly stream: number; readonly originUs: number },
  seconds: number,
): string[] {
  const graph = [
    'asettb=1/1000000',
    `asetpts=PTS-(${sound.originUs})`,
    `aresample=${SAMPLE_RATE}:async=1:min_hard_comp=0.01:first_pts=0`,
    'aformat=sample_fmts=s16:channel_layouts=mono',
    `atrim=end_sample=${Math.ceil(seconds * SAMPLE_RATE)}`,
  ].join(',')
  const input = ['-copyts', '-f', sound.demuxer, '-i', '{input}', '-map', `0:a:${sound.stream}`]
  const output = ['-c:a', 'pcm_s16le', '-vn', '-sn', '-dn', '-map_metadata', '-1', '-f', 'wav', SOUND]
  return [...input, '-af', graph, ...output]
}

/** Engines write cues that would never be shown, and some write what is no WebVTT. */
async function publish(deps: HearDeps, caption: Caption, heard: Uint8Array): Promise<BlobFacts> {
  try {
    return await publishCues(deps, caption, heard)
  } catch (error) {
    throw error instanceof HeadwaterError && error.code === 'bad_request'
      ? new HeadwaterError('speech_failed', `What the speech engine wrote cannot be used. ${error.message}`, {
          cause: error,
        })
      : error
  }
}

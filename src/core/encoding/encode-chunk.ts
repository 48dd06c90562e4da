/**
 * The `encode` job: one chunk, into every rung of its pass at once, or one chunk of sound. What is recorded already is
 * never encoded again; everything new is published first and then recorded in one transaction with the job's end.
 */

import { type ClaimedJob, PRIORITY } from '../../jobs/job.ts'
import type { JobContext } from '../../jobs/run-jobs.ts'
import { assert, type HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { ByteSource } from '../../media/isobmff/movie.ts'
import type { Decoder, DecoderTask } from '../../ports.ts'
import type { Trx } from '../../tables.ts'
import {
  type AudioRendition,
  type EncodeChunk,
  type VideoRendition,
  chunkOf,
  renditionsOfPass,
} from '../planning/index.ts'
import { getPlanRow, type PlanRow, type SourceIndex, type SourceIndexes } from '../timeline/index.ts'
import { chooseMediaSound, choosePictures } from './chunk-input.ts'
import {
  type FinishedChunk,
  type FinishedSegments,
  findFinished,
  madeSegments,
  requireSameDecoder,
} from './chunk-records.ts'
import { type EncodePayload, enqueueFollowing } from './enqueue-chunks.ts'
import { markFiles } from './mark-args.ts'
import { missingRuns } from './missing-runs.ts'
import { packPictures, packSound, readFrames } from './pack-chunk.ts'
import { buildPictureArgs, pictureOutput } from './picture-args.ts'
import type { EncodeProgress } from './progress.ts'
import { completeQuietly, type PublishDeps, publishSegments, recordFinished } from './publish-chunk.ts'
import { buildSoundArgs, framesToDrop, SOUND_OUTPUT } from './sound-args.ts'

export type EncodeDeps = PublishDeps & {
  readonly decoder: Decoder
  readonly indexes: SourceIndexes
  readonly progress: EncodeProgress
  /** Threads of each encoder in chunks that run beside others; 0 = as it likes. */
  readonly threads: number
}

/**
 * Encodes give way to requests. The first seconds of a video, which somebody may wait for, go before other encodes, but
 * behind single pictures and urgent segments, which somebody does wait for.
 */
const NICE = { first: 5, later: 10 } as const

function niceOf(job: ClaimedJob): number {
  return job.priority <= PRIORITY.first ? NICE.first : NICE.later
}

/** Runs the job. */
export async function encodeChunk(deps: EncodeDeps, job: ClaimedJob, context: JobContext): Promise<void> {
  const payload = job.payload as EncodePayload
  const row = await getPlanRow(deps.db, payload.uid)
  // Deleted meanwhile.
  if (row === undefined) return await completeQuietly(deps, job)
  const finished = await findFinished(deps.db, payload.uid)
  const chunks = payload.kind === 'audio' ? row.plan.audioChunks : row.plan.videoChunks
  const work: ChunkWork = {
    deps,
    job,
    context,
    payload,
    row,
    finished,
    chunk: chunkOf(chunks, payload.firstSegment),
  }
  const made = payload.kind === 'audio' ? await makeSound(work) : await makePictures(work)
  await recordFinished(deps, row.plan, payload.uid, made, async (trx: Trx) => {
    await deps.jobs.complete(trx, job)
    await enqueueFollowing(trx, deps.jobs, row.plan, payload)
  })
}

type ChunkWork = {
  readonly deps: EncodeDeps
  readonly job: ClaimedJob
  readonly context: JobContext
  readonly payload: EncodePayload
  readonly row: PlanRow
  readonly finished: FinishedSegments
  readonly chunk: EncodeChunk
}

/** Where the pictures of a chunk come from: from the source, from it with others in place of missing ones, from nowhere. */
type Way = 'plain' | 'filled' | 'black'

/**
 * Pictures of a damaged stretch may be missing; then those around them stand in, and the chunk is evenly spaced. Where not
 * one can be decoded, it is black: whoever watches gets over it, and what comes after it.
 */
async function makePictures(work: ChunkWork): Promise<FinishedChunk[]> {
  let failure: unknown
  for (const way of ['plain', 'filled', 'black'] as const) {
    if (way === 'black' && !mayBeBlack(work, failure)) break
    try {
      return await runPictures(work, way)
    } catch (error) {
      if (!isDamaged(error, work.chunk)) throw error
      const { uid, firstSegment } = work.payload
      work.deps.log.warn({ uid, firstSegment, way, reason: error.message }, 'pictures are missing')
      failure = error
    }
  }
  throw failure
}

/**
 * Whether pictures are missing, or carry times that cannot be true, or the decoder has given up on them; where it does so
 * at the beginning, the file is damaged beyond use.
 */
function isDamaged(error: unknown, chunk: EncodeChunk): error is HeadwaterError {
  if (!isFailure(error, 'decoder_failed')) return false
  const { reason, signal } = error.facts
  if (reason === 'exit') return signal === null && chunk.firstSegment > 0
  return reason === 'short' || reason === 'uneven'
}

/**
 * A film that begins with nothing is none, and what was made beside a passthrough is better left out than black. A decoder
 * that ended by itself may have had other reasons, which are given time to pass.
 */
function mayBeBlack({ row, chunk, job }: ChunkWork, failure: unknown): boolean {
  const isCertain = isFailure(failure) && failure.facts.reason !== 'exit'
  const isAlone = row.plan.video.every(({ made }) => made !== 'passthrough')
  return chunk.firstSegment > 0 && isAlone && (isCertain || job.attempt >= job.maxAttempts)
}

async function runPictures(work: ChunkWork, way: Way): Promise<FinishedChunk[]> {
  const { deps, job, context, payload, row, finished, chunk } = work
  const { plan } = row
  const runsOf = (rendition: VideoRendition) => missingRuns(chunk, madeSegments(plan, rendition, finished))
  const renditions = renditionsOfPass(plan, payload.pass).filter((rendition) => runsOf(rendition).length > 0)
  if (renditions.length === 0) return []
  requireSameDecoder(plan, deps.decoder.build.id)
  const index = await openIndex(deps, row)
  const pictures = choosePictures(deps.blobs, plan, row.mediaBlob, index, chunk)
  const frameCount = pictures.starts.at(-1) ?? 0
  const seconds = ((plan.cuts[chunk.endSegment] ?? 0) - (plan.cuts[chunk.firstSegment] ?? 0)) / plan.timescale
  const progress = deps.progress.begin(payload.uid, job.id, {
    plan,
    finished,
    sound: false,
    segments: chunk.endSegment - chunk.firstSegment,
    pictures: renditions.length,
  })
  const how = way === 'plain' ? pictures : { input: pictures.input, ...pictures[way] }
  const task = {
    label: `${payload.pass} chunk ${chunk.firstSegment}–${chunk.endSegment} of ${payload.uid}`,
    input: how.input,
    ...markFiles(plan.mark),
    args: buildPictureArgs({
      input: how.args,
      picture: plan.picture,
      mark: plan.mark,
      frames: how.frames,
      frameCount,
      keyFrames: pictures.starts.slice(0, -1),
      renditions,
      quality: plan.quality,
      filters: deps.decoder.build.filters,
      // The first chunk of a pass runs alone, and so does the only other one of a short video: they take all there is.
      threads: chunk.firstSegment === 0 || row.plan.videoChunks.length <= 2 ? 0 : deps.threads,
    }),
    outputs: renditions.map(pictureOutput),
    limits: pictureLimits(plan.picture, renditions, seconds),
    nice: niceOf(job),
  }
  try {
    const run = await deps.decoder.run(task, {
      signal: context.signal,
      onProgress: ({ frames }) => progress.report(frames / frameCount),
    })
    try {
      const made: FinishedChunk[] = []
      for (const rendition of renditions) {
        const file = run.files.get(pictureOutput(rendition))
        assert(file !== undefined, `The run has no output of ${rendition.id}.`)
        const packed = await packPictures(
          file,
          {
            plan,
            rendition,
            firstSegment: chunk.firstSegment,
            times: pictures.times,
            starts: pictures.starts,
            anySpacing: way !== 'plain',
          },
          true,
        )
        assert(packed !== undefined, 'A whole chunk packs or throws.')
        for (const { firstSegment, endSegment } of runsOf(rendition)) {
          const segments = packed.segments.slice(
            firstSegment - chunk.firstSegment,
            endSegment - chunk.firstSegment,
          )
          const one = { rendition: rendition.id, firstSegment, segments, header: packed, file }
          made.push(await publishSegments(deps, payload.uid, one))
        }
      }
      return made
    } finally {
      await run.release()
    }
  } finally {
    progress.end()
  }
}

/** What a picture chunk may use: far more than it needs, far less than would hurt. */
export function pictureLimits(
  picture: { readonly codedWidth: number; readonly codedHeight: number },
  renditions: readonly VideoRendition[],
  seconds: number,
): DecoderTask['limits'] {
  const peakBps = renditions.reduce((sum, { peakBps }) => sum + peakBps, 0)
  return {
    wallMs: 600_000 + seconds * 120_000,
    cpuSeconds: Math.ceil(600 + seconds * 240),
    // `--fsize` counts per file; a rate ceiling holds over a second or two.
    outputBytes: Math.ceil((peakBps / 8) * (seconds + 10) * 2) + 16 * 1024 ** 2,
    // Address space, not memory: five encoders take 1.5 GB, a decoder some 60 pictures.
    memoryBytes: 4 * 1024 ** 3 + picture.codedWidth * picture.codedHeight * 3 * 60,
  }
}

async function makeSound(work: ChunkWork): Promise<FinishedChunk[]> {
  const { deps, payload, row, finished, chunk, job, context } = work
  const rendition = row.plan.audio
  if (rendition === null || missingRuns(chunk, finished.get(rendition.id) ?? new Set()).length === 0)
    return []
  const progress = deps.progress.begin(payload.uid, job.id, {
    plan: row.plan,
    finished,
    sound: true,
    pictures: 0,
    segments: chunk.endSegment - chunk.firstSegment,
  })
  try {
    const made: FinishedChunk[] = []
    for (const run of missingRuns(chunk, finished.get(rendition.id) ?? new Set())) {
      made.push(
        await encodeSound(deps, payload.uid, row, rendition, run, {
          signal: context.signal,
          nice: niceOf(job),
        }),
      )
    }
    return made
  } finally {
    progress.end()
  }
}

/** Encodes and publishes segments `[firstSegment, endSegment)` of the sound. */
export async function encodeSound(
  deps: EncodeDeps,
  uid: string,
  row: PlanRow,
  rendition: AudioRendition,
  range: EncodeChunk,
  options: { readonly signal: AbortSignal; readonly nice: number },
): Promise<FinishedChunk> {
  requireSameDecoder(row.plan, deps.decoder.build.id)
  // On the frame grid of the whole film, of which a clip plays a part.
  const before = rendition.firstFrame ?? 0
  const firstFrame = before + (rendition.cuts[range.firstSegment] ?? 0)
  const endFrame = before + (rendition.cuts[range.endSegment] ?? 0)
  const seconds = (frame: number): number => (frame * rendition.frameSamples) / rendition.sampleRate
  const index = await openIndex(deps, row)
  const { firstSegment, endSegment } = range
  const publish = async (file: ByteSource | null): Promise<FinishedChunk> => {
    const drop = framesToDrop(firstFrame)
    const frames = file && (await readFrames(file))
    const packed = packSound(frames, { rendition, firstSegment, endSegment, framesToDrop: drop })
    return await publishSegments(deps, uid, {
      rendition: rendition.id,
      firstSegment,
      segments: packed.segments,
      header: packed,
      file: file ?? { sizeBytes: 0, read: () => Promise.resolve(0) },
    })
  }
  const sound = chooseMediaSound(deps.blobs, row.plan, row.mediaBlob, index, {
    start: seconds(firstFrame),
    end: seconds(endFrame),
  })
  if (sound === null) return await publish(null)
  const run = await deps.decoder.run(
    {
      label: `sound ${firstSegment}–${endSegment} of ${uid}`,
      input: sound.input,
      args: buildSoundArgs({ input: sound, rendition, firstFrame, endFrame, originUs: sound.originUs }),
      outputs: [SOUND_OUTPUT],
      limits: soundLimits(rendition, seconds(endFrame - firstFrame)),
      nice: options.nice,
    },
    { signal: options.signal },
  )
  try {
    const file = run.files.get(SOUND_OUTPUT)
    assert(file !== undefined, 'The run has no sound.')
    return await publish(file)
  } finally {
    await run.release()
  }
}

/** What so much sound may use: far more than it needs. */
export function soundLimits(rendition: AudioRendition, seconds: number): DecoderTask['limits'] {
  return {
    wallMs: 300_000 + seconds * 10_000,
    cpuSeconds: Math.ceil(300 + seconds * 10),
    outputBytes: Math.ceil(seconds * rendition.bitrateBps) + 16 * 1024 ** 2,
    memoryBytes: 3 * 1024 ** 3,
  }
}

/** The index of a video's media blob; null where the decoder reads the file itself. */
export async function openIndex(
  deps: Pick<EncodeDeps, 'indexes'>,
  row: PlanRow,
): Promise<SourceIndex | null> {
  return row.indexBlob === null ? null : await deps.indexes.open(row.indexBlob, row.plan)
}

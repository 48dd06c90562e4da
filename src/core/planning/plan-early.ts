/**
 * Planning a source that is still being uploaded: an MP4 whose index comes first can be played before its last byte. Only
 * what can be passed through as it is plays early; everything else waits for the whole file. Pure; runs in the work
 * thread beside `plan-source.ts`, which makes the final plan: it has the same passthrough renditions at the same cuts.
 */

import { isFailure } from '../../lib/failure.ts'
import { formatIndex } from '../../media/isobmff/index-format.ts'
import type { ByteSource, Movie, MovieTrack, SampleTable } from '../../media/isobmff/movie.ts'
import { allowedCuts, presentationTimes } from '../../media/isobmff/presentation.ts'
import { FileWalk } from '../../media/isobmff/read-boxes.ts'
import { readMovie } from '../../media/isobmff/read-movie.ts'
import { findPictureTrack } from './index-facts.ts'
import type { Plan } from './plan.ts'
import { type IndexedAnswer, planMovie, type PlanQuestion } from './plan-source.ts'

export type EarlyQuestion = PlanQuestion & {
  /** Bytes that are there; `media.sizeBytes` is what there will be. */
  readonly arrivedBytes: number
}

/** `wait`: not enough has arrived to tell. `no`: it cannot be played before it is whole. */
export type EarlyAnswer =
  | { readonly kind: 'wait' }
  | { readonly kind: 'no' }
  | {
      readonly kind: 'planned'
      readonly plan: Plan
      readonly index: Uint8Array<ArrayBuffer>
      /** The plan ends with what has arrived and will go on (fragments); else it is that of the whole source. */
      readonly growing: boolean
    }

/** Boxes before the index; more than a few are not what a player could begin with. */
const MOST_BOXES = 100

/** Plans what has arrived of a source. Throws nothing that the file is to blame for: the final look will tell. */
export async function planEarly(
  source: ByteSource,
  question: EarlyQuestion,
  newId: (name: string) => string,
): Promise<EarlyAnswer> {
  const arrivedBytes = Math.min(question.arrivedBytes, source.sizeBytes)
  const arrived: ByteSource = { sizeBytes: arrivedBytes, read: (target, at) => source.read(target, at) }
  try {
    const index = await findIndex(arrived)
    if (index !== 'there') return { kind: index }
    const whole = await readMovie(arrived)
    const movie = whole.fragmented ? arrivedSamples(whole, arrivedBytes) : whole
    if (!hasPictures(movie)) return { kind: 'wait' }
    // A promise that cannot be kept; the look at the whole source says so.
    if (!movie.fragmented && movie.neededBytes > question.media.sizeBytes) return { kind: 'no' }
    return describe(planMovie(movie, { ...question, report: null }, newId), movie)
  } catch (error) {
    if (isFailure(error) && error.kind === 'media') return { kind: 'no' }
    throw error
  }
}

/** Whether `moov` has arrived; `no` when pictures or sound come before it. */
async function findIndex(arrived: ByteSource): Promise<'there' | 'wait' | 'no'> {
  let boxes = 0
  for await (const box of new FileWalk(arrived).boxes()) {
    if (box.type === 'moov') return box.truncated ? 'wait' : 'there'
    boxes += 1
    if (box.type === 'mdat' || box.type === 'moof' || boxes > MOST_BOXES) return 'no'
  }
  return 'wait'
}

function hasPictures(movie: Movie): boolean {
  return !movie.fragmented || movie.tracks.some(({ kind, samples }) => kind === 'video' && samples.count > 0)
}

function describe(answer: IndexedAnswer, movie: Movie): EarlyAnswer {
  if (answer.kind !== 'planned' || answer.planned.index === null) return { kind: 'no' }
  const { plan } = answer.planned
  const passed = plan.video.filter(({ made }) => made === 'passthrough')
  // So far: of fragments the next ones may bring the places to cut at.
  if (passed.length === 0) return { kind: movie.fragmented ? 'wait' : 'no' }
  if (plan.audio?.made === 'encoded') return { kind: 'no' }
  const early = { ...plan, video: passed }
  if (!movie.fragmented) return { kind: 'planned', plan: early, index: answer.planned.index, growing: false }
  const settled = settledPart(early, movie)
  if (settled === undefined) return { kind: 'wait' }
  return { kind: 'planned', plan: settled, index: formatIndex(movie), growing: true }
}

/**
 * The movie up to the first sample of each track whose bytes have not all arrived; pictures up to the last sync sample
 * among them, since of what follows it some may be missing that are shown before others.
 */
function arrivedSamples(movie: Movie, arrivedBytes: number): Movie {
  const tracks = movie.tracks.map((track): MovieTrack => {
    const arrived = countArrived(track.samples, arrivedBytes)
    const count =
      track.kind === 'video' ? Math.max(0, track.samples.sync.lastIndexOf(1, arrived - 1)) : arrived
    return { ...track, samples: firstSamples(track.samples, count) }
  })
  return { ...movie, tracks }
}

function countArrived({ count, offsets, sizes }: SampleTable, arrivedBytes: number): number {
  let arrived = 0
  while (arrived < count && (offsets[arrived] ?? 0) + (sizes[arrived] ?? 0) <= arrivedBytes) arrived += 1
  return arrived
}

function firstSamples(samples: SampleTable, count: number): SampleTable {
  if (count >= samples.count) return samples
  return {
    count,
    offsets: samples.offsets.slice(0, count),
    sizes: samples.sizes.slice(0, count),
    decodeTimes: samples.decodeTimes.slice(0, count),
    compositionOffsets: samples.compositionOffsets.slice(0, count),
    sync: samples.sync.slice(0, count),
    endTime: samples.decodeTimes[count] ?? samples.endTime,
  }
}

/**
 * The segments that the final plan will have as well; undefined when there is none yet. A cut is settled when another
 * place where the picture may be cut is known after it: a later one cannot lie nearer to the multiple of four seconds
 * that it was chosen for.
 */
function settledPart(plan: Plan, movie: Movie): Plan | undefined {
  const track = movie.tracks[findPictureTrack(movie)]
  if (track === undefined) return undefined
  const times = presentationTimes(track)
  const allowed = Array.from(allowedCuts(track.samples, times), (sample) => times[sample] ?? 0)
  const lastSettled = allowed.at(-2) ?? Number.NEGATIVE_INFINITY
  // The last entry is not a cut but the end of what has arrived.
  const settled = plan.cuts.slice(0, -1).filter((cut, segment) => segment === 0 || cut <= lastSettled)
  const { audio } = plan
  // Sound and picture grow in the same step; its last entry is the end of what has arrived too.
  const segments = Math.min(settled.length, audio === null ? settled.length : audio.cuts.length - 1) - 1
  if (segments < 1) return undefined
  const cuts = settled.slice(0, segments + 1)
  if (audio === null) return { ...plan, cuts }
  const frames = audio.cuts.slice(0, segments + 1)
  const frameCount = frames.at(-1) ?? 0
  return { ...plan, cuts, audio: { ...audio, cuts: frames, frameCount, silenceAfter: 0 } }
}

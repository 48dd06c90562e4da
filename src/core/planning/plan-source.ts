/**
 * What looking at a source computes: facts from its index or from a list of its packets, the plan, and the index as it
 * is stored. Pure but for new ids. It runs in a work thread, since two hours of pictures take a quarter of a second;
 * `planner.ts` is its face on this side.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import { formatIndex } from '../../media/isobmff/index-format.ts'
import type { ByteSource, Movie, MovieTrack } from '../../media/isobmff/movie.ts'
import { presentationTimes } from '../../media/isobmff/presentation.ts'
import { readMovie } from '../../media/isobmff/read-movie.ts'
import { type Mark, type Plan, planDurationSeconds, type SourceSound } from './plan.ts'
import {
  avcPicture,
  describePicture,
  findPictureTrack,
  findSoundTrack,
  indexedSound,
  isSliceable,
  pictureTimeline,
} from './index-facts.ts'
import { makePlan, type PlanSettings } from './make-plan.ts'
import {
  beginsWithPicture,
  type Blame,
  blameOf,
  refuseEncrypted,
  refuseSize,
  undecodable,
} from './picture-faults.ts'
import { readPacketList } from './packet-times.ts'
import type { DecoderReport } from './read-report.ts'
import type { MediaBlob, PictureTimeline, SourceFacts } from './source-facts.ts'

/** What is asked about. */
export type PlanQuestion = {
  /** Of the video. */
  readonly uid: string
  /** As sniffed, for people. */
  readonly container: string
  /** What is planned: segments will be cut from it, chunks decoded from it. */
  readonly media: MediaBlob
  readonly settings: PlanSettings
  /** To be burnt in; null = none. */
  readonly mark: Mark | null
}

/** A planned source. */
export type Planned = {
  readonly plan: Plan
  /** Why something is encoded or left out, as sentences for the owner. */
  readonly notes: readonly string[]
  /** Whether the file may hold sound beside the one that is used, or text. */
  readonly further: boolean
  /** The index as `formatIndex` writes it; null where only the decoder can read the source. */
  readonly index: Uint8Array<ArrayBuffer> | null
}

/** `report`: ask the decoder about picture stream `stream` first. `decoder`: it cannot be planned by its index. */
export type IndexedAnswer =
  | { readonly kind: 'planned'; readonly planned: Planned }
  | { readonly kind: 'report'; readonly stream: number; readonly blame: Blame }
  | { readonly kind: 'decoder' }

/** A declared duration this much beyond the last picture means that the end is missing. */
const MISSING_SHARE = 0.1
const MISSING_SECONDS = 3

/**
 * Plans an MP4 or MOV by its own index. `report`: what the decoder says of the stream that an earlier answer named.
 * Throws what is wrong with the file, with a sentence saying what was found.
 */
export async function planIndexed(
  source: ByteSource,
  question: PlanQuestion & { readonly report: DecoderReport | null },
  newId: (name: string) => string,
): Promise<IndexedAnswer> {
  const movie = await readMovie(source)
  refuseTruncated(movie, question.media.sizeBytes)
  const doubtful = question.report === null && !(await beginsWithPicture(source, movie))
  return planMovie(movie, question, newId, { doubtful })
}

/** Plans a movie whose index has been read. `doubtful`: the decoder is asked even about pictures that are known. */
export function planMovie(
  movie: Movie,
  question: PlanQuestion & { readonly report: DecoderReport | null },
  newId: (name: string) => string,
  { doubtful = false }: { readonly doubtful?: boolean } = {},
): IndexedAnswer {
  const picture = findPictureTrack(movie)
  const track = movie.tracks[picture]
  const soundIndex = findSoundTrack(movie)
  const soundTrack = soundIndex === undefined ? undefined : movie.tracks[soundIndex]
  // Several edits or descriptions: the decoder understands them, a slice cannot carry them.
  if (track === undefined || !isSliceable(track)) return { kind: 'decoder' }
  if (soundTrack !== undefined && !isSliceable(soundTrack)) return { kind: 'decoder' }
  refuseNoTime(track)
  refuseEncrypted(track)
  const times = pictureTimeline(track)
  refuseJump(times, question.container)
  const known = avcPicture(movie, picture)
  // What the bitstream says counts, where it can be read.
  if (known !== undefined) refuseSize(known.codedWidth, known.codedHeight)
  else for (const { video } of track.entries) refuseSize(video?.width ?? 0, video?.height ?? 0)
  const sound = soundIndex === undefined ? null : indexedSound(movie, soundIndex)
  const common = {
    container: question.container,
    media: question.media,
    movie,
    times,
  }
  const plan = (facts: SourceFacts): IndexedAnswer => ({
    kind: 'planned',
    planned: {
      ...makePlan(facts, { ...question.settings, uid: question.uid, mark: question.mark, newId }),
      further:
        movie.tracks.filter(({ kind }) => kind !== 'video').length > (soundIndex === undefined ? 0 : 1),
      index: formatIndex(movie),
    },
  })
  if (known !== undefined && !known.interlaced && isKnownSound(sound) && !doubtful) {
    return plan({ ...common, picture: known, sound, notes: [] })
  }
  const { report } = question
  if (report === null) {
    const stream = movie.tracks.slice(0, picture).filter(({ kind }) => kind === 'video').length
    return { kind: 'report', stream, blame: blameOf(track) }
  }
  const seen = requirePicture(report, blameOf(track))
  const rotation = known?.rotation ?? seen.rotation
  const described = describePicture({ ...seen, track: picture, rotation })
  return plan({ ...common, picture: described, ...checkedSound(sound, report) })
}

/** Plans a source without an index: facts from the decoder's report, times from its list of packets. */
export function planListed(
  question: PlanQuestion & { readonly report: DecoderReport; readonly packets: Uint8Array },
  newId: (name: string) => string,
): Planned {
  const { container, media, report } = question
  const seen = requirePicture(report)
  const times = readPacketList(new TextDecoder().decode(question.packets))
  if (times === undefined) {
    // What is listed begins with the first key picture.
    const sentence =
      'The file has pictures, but none of them is marked as a key picture, where playing could begin.'
    throw new HeadwaterError('key_picture_missing', sentence)
  }
  refuseJump(times, container)
  const { sound } = report
  const facts: SourceFacts = {
    container,
    media,
    movie: null,
    picture: describePicture({ ...seen, track: 0 }),
    times,
    // Number among the sound streams: the first.
    sound: sound === null ? null : { ...sound, track: 0 },
    notes: [],
  }
  const { uid, settings, mark } = question
  const { plan, notes } = makePlan(facts, { ...settings, uid, mark, newId })
  if (container !== 'mp4') refuseCutShort(plan, report.durationSeconds, media.sizeBytes)
  return { plan, notes, further: report.further, index: null }
}

/** Containers that are sent as they come: a picture has a time every 0.7 s (ISO/IEC 13818-1 §2.7.4). */
const STREAMS: readonly string[] = ['mpegts', 'mpegps', 'flv']
/** A gap this long, and this many times as long as everything else, is no pause but a broken time. */
const STREAM_JUMP_SECONDS = 60
/** Elsewhere a picture may stand for as long as somebody shows it. */
const JUMP_SECONDS = 3600
const JUMP_SHARE = 10
/** Several broken times leave several gaps; that pictures which stand for hours make half a day is their own business. */
const JUMPS_SECONDS = 12 * 3600

/** Throws `picture_times_jump` where broken times would make hours of a second: what is encoded must be there. */
function refuseJump({ sorted, timescale, endTicks }: PictureTimeline, container: string): void {
  const isStream = STREAMS.includes(container)
  const least = (isStream ? STREAM_JUMP_SECONDS : JUMP_SECONDS) * timescale
  let [gap, at, gaps] = [0, 0, 0]
  for (let picture = isStream ? 0 : 1; picture <= sorted.length; picture += 1) {
    // In a stream, where somebody else guesses how long the last one lasts, and where sound may have times of another
    // clock, the ends count as well; elsewhere pictures may come late, and stand for as long as the sound goes on.
    const before = sorted[picture - 1] ?? 0
    const next = sorted[picture] ?? (isStream ? endTicks : before)
    if (next - before > gap) [gap, at] = [next - before, before]
    if (next - before > least) gaps += next - before
  }
  const isOne = gap > least && gap > (endTicks - gap) * JUMP_SHARE
  const areMany = gaps > JUMPS_SECONDS * timescale && gaps > (endTicks - gaps) * JUMP_SHARE
  if (!isOne && !areMany) return
  const seconds = (ticks: number): string => (ticks / timescale).toFixed(1)
  throw new HeadwaterError(
    'picture_times_jump',
    `The times of the pictures jump from ${seconds(at)} s to ${seconds(at + gap)} s; everything else lasts ${seconds(endTicks - (isOne ? gap : gaps))} s.`,
    { facts: { atSeconds: at / timescale } },
  )
}

/** Throws `cut_off` when the container declares much more than its pictures last. */
export function refuseCutShort(plan: Plan, declaredSeconds: number | null, sizeBytes: number): void {
  if (declaredSeconds === null) return
  const seconds = planDurationSeconds(plan)
  const missing = declaredSeconds - seconds
  if (missing < MISSING_SECONDS || missing < declaredSeconds * MISSING_SHARE) return
  throw new HeadwaterError(
    'cut_off',
    `The file is cut off: it says it lasts ${declaredSeconds.toFixed(1)} s, but its pictures end at ${seconds.toFixed(1)} s; send the whole file.`,
    { facts: { atByte: sizeBytes, atSeconds: seconds } },
  )
}

/** Throws `duration_zero` for several pictures of which all have the same time. */
function refuseNoTime(track: MovieTrack): void {
  const { count, offsets } = track.samples
  const times = presentationTimes(track)
  if (count < 2 || times.some((time) => time !== times[0])) return
  throw new HeadwaterError(
    'duration_zero',
    `The file lasts 0 s: all of its ${count} pictures have the same time.`,
    { facts: { atByte: offsets[0] ?? 0, atSeconds: 0 } },
  )
}

/** Neither ffprobe nor any other reader tells: the index promises bytes that the file does not have. */
function refuseTruncated(movie: Movie, sizeBytes: number): void {
  if (movie.neededBytes <= sizeBytes) return
  const first = movie.tracks.find(({ kind, samples }) => kind === 'video' && samples.count > 0)?.samples
  const start = first === undefined ? 0 : first.offsets.reduce((least, offset) => Math.min(least, offset))
  const facts = { atByte: sizeBytes, neededBytes: movie.neededBytes }
  if (start >= sizeBytes) {
    const sentence = `The file is cut off: its index places the first picture at byte ${start}, but only ${sizeBytes} bytes are there; send the whole file.`
    throw new HeadwaterError('mp4_data_missing', sentence, { facts })
  }
  throw new HeadwaterError(
    'mp4_cut_off',
    `The file is cut off: its index needs ${movie.neededBytes} bytes, but only ${sizeBytes} are there; send the whole file.`,
    { facts },
  )
}

/** Sound that needs no question to the decoder. */
function isKnownSound(sound: SourceSound | null): boolean {
  return sound === null || (sound.codec === 'aac' && sound.channels > 0 && sound.sampleRate > 0)
}

/** Sound that the decoder does not know is left out, and the owner is told. */
function checkedSound(
  sound: SourceSound | null,
  report: DecoderReport,
): { sound: SourceSound | null; notes: readonly string[] } {
  if (sound === null) return { sound: null, notes: [] }
  if (report.sound === null) {
    return {
      sound: null,
      notes: [`Its sound (${printable(sound.codec)}) cannot be decoded and was left out.`],
    }
  }
  const { codec, sampleRate, channels } = report.sound
  return { sound: { track: sound.track, codec, sampleRate, channels }, notes: [] }
}

/** Codes of strangers go into messages. */
function printable(code: string): string {
  return code.replaceAll(/[^\x20-\x7e]/g, '?')
}

/** The picture the decoder saw. Throws why when it could decode none. */
export function requirePicture(
  report: DecoderReport,
  blame: Blame = { atByte: null, fault: null },
): NonNullable<DecoderReport['picture']> {
  if (report.picture !== null) {
    const { width, height } = report.picture
    refuseSize(width, height)
    return report.picture
  }
  throw undecodable(blame)
}

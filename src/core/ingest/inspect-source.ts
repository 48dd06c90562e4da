/**
 * Looks at a source once: what container, what pictures, what sound, and where everything lies. MP4 and MOV are read by
 * our own index; other containers are remuxed into one where their codecs allow it, without decoding; what neither can
 * do the decoder reads by itself, and then lists its packets for us.
 */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Movie } from '../../media/isobmff/movie.ts'
import { SNIFF_BYTES, sniff } from '../../media/sniff.ts'
import type { Blobs, Indexer } from '../../ports.ts'
import type { SourceSound } from '../timeline/index.ts'
import { sourceBlob } from '../blob-names.ts'
import {
  avcPicture,
  describePicture,
  findPictureTrack,
  findSoundTrack,
  indexedSound,
  isSliceable,
  pictureTimeline,
} from './index-facts.ts'
import { type AskDeps, listPackets, remux, reportOn } from './ask-decoder.ts'
import type { DecoderReport } from './read-report.ts'
import type { MediaBlob, PictureTimeline, SourceFacts } from './source-facts.ts'

/** What looking at a source takes. */
export type InspectDeps = AskDeps & { readonly indexer: Indexer }

/** Containers that hold sound only; there is nothing to look for. */
const SOUND_ONLY: readonly string[] = ['wav', 'mp3', 'aac', 'flac', 'aiff', 'ac3']
/** A declared duration this much beyond the last picture means that the end is missing. */
const MISSING_SHARE = 0.1
const MISSING_SECONDS = 3

/** Finds the facts. Throws `media_*` with a sentence saying what was found; a remux it made is then deleted again. */
export async function inspectSource(
  deps: InspectDeps,
  uid: string,
  signal: AbortSignal,
): Promise<SourceFacts> {
  const name = sourceBlob(uid)
  const { first, sizeBytes } = await readStart(deps.blobs, name)
  const found = sniff(first)
  if (found.kind === 'refused') {
    throw new HeadwaterError('media_not_video', `Expected a video file, found ${found.found}.`, {
      facts: { position: 0 },
    })
  }
  const { container, demuxer } = found
  if (SOUND_ONLY.includes(container)) {
    throw new HeadwaterError(
      'media_not_video',
      `Expected a video file, found ${container} sound without a picture.`,
    )
  }
  const source: MediaBlob = { name, demuxer, sizeBytes, made: null }
  if (found.indexable) {
    const movie = await deps.indexer.readIndex(name)
    refuseTruncated(movie, sizeBytes)
    return await factsOf(deps, { container, media: source, movie, signal })
  }
  const remuxed = await remux(deps, uid, source, signal)
  if (remuxed === undefined) return await factsOf(deps, { container, media: source, movie: null, signal })
  try {
    return await factsOfRemux(deps, { container, source, remuxed, signal })
  } catch (error) {
    await deps.blobs.delete(remuxed.name)
    throw error
  }
}

async function factsOfRemux(
  deps: InspectDeps,
  options: { container: string; source: MediaBlob; remuxed: MediaBlob; signal: AbortSignal },
): Promise<SourceFacts> {
  const { container, source, remuxed, signal } = options
  const movie = await deps.indexer.readIndex(remuxed.name).catch((error: unknown) => {
    // A muxer's own file that we cannot read: then the decoder reads the source.
    if (isFailure(error) && error.kind === 'media') return null
    throw error
  })
  if (movie === null) {
    await deps.blobs.delete(remuxed.name)
    return await factsOf(deps, { container, media: source, movie: null, signal })
  }
  const facts = await factsOf(deps, { container, media: remuxed, movie, signal })
  const declared = await reportOn(deps, source, 0, signal)
  if (facts.sound === null && declared.sound !== null) {
    // The copy carries sound that its container has no name for.
    await deps.blobs.delete(remuxed.name)
    return await factsOf(deps, { container, media: source, movie: null, signal })
  }
  refuseCutShort(facts.times, declared.durationSeconds, source.sizeBytes)
  return facts
}

async function readStart(blobs: Blobs, name: string): Promise<{ first: Uint8Array; sizeBytes: number }> {
  const reader = await blobs.open(name)
  try {
    const target = new Uint8Array(Math.min(SNIFF_BYTES, reader.sizeBytes))
    const got = await reader.read(target, 0)
    return { first: target.subarray(0, got), sizeBytes: reader.sizeBytes }
  } finally {
    await reader.close()
  }
}

/** Neither ffprobe nor any other reader tells: the index promises bytes that the file does not have. */
function refuseTruncated(movie: Movie, sizeBytes: number): void {
  if (movie.neededBytes <= sizeBytes) return
  throw new HeadwaterError(
    'media_malformed',
    `The file is cut off: its index needs ${movie.neededBytes} bytes, but only ${sizeBytes} are there; send the whole file.`,
    { facts: { position: sizeBytes, neededBytes: movie.neededBytes } },
  )
}

function refuseCutShort(times: PictureTimeline, declaredSeconds: number | null, sizeBytes: number): void {
  if (declaredSeconds === null) return
  const seconds = times.endTicks / times.timescale
  const missing = declaredSeconds - seconds
  if (missing < MISSING_SECONDS || missing < declaredSeconds * MISSING_SHARE) return
  throw new HeadwaterError(
    'media_malformed',
    `The file is cut off: it says it lasts ${declaredSeconds.toFixed(1)} s, but its pictures end at ${seconds.toFixed(1)} s; send the whole file.`,
    { facts: { position: sizeBytes } },
  )
}

type Looked = {
  readonly container: string
  readonly media: MediaBlob
  readonly movie: Movie | null
  readonly signal: AbortSignal
}

async function factsOf(deps: InspectDeps, looked: Looked): Promise<SourceFacts> {
  const { movie } = looked
  if (movie === null) return await factsOfDecoder(deps, looked)
  const picture = findPictureTrack(movie)
  const track = movie.tracks[picture]
  // Several edits or descriptions: the decoder understands them, a slice cannot carry them.
  if (track === undefined || !isSliceable(track)) return await factsOfDecoder(deps, looked)
  const known = avcPicture(movie, picture)
  const soundIndex = findSoundTrack(movie)
  const soundTrack = soundIndex === undefined ? undefined : movie.tracks[soundIndex]
  if (soundTrack !== undefined && !isSliceable(soundTrack)) return await factsOfDecoder(deps, looked)
  const sound = soundIndex === undefined ? null : indexedSound(movie, soundIndex)
  const times = pictureTimeline(track)
  const common = { container: looked.container, media: looked.media, movie, times }
  if (known !== undefined && !known.interlaced && isKnownSound(sound)) {
    return { ...common, picture: known, sound, notes: [] }
  }
  const nth = movie.tracks.slice(0, picture).filter(({ kind }) => kind === 'video').length
  const report = await reportOn(deps, looked.media, nth, looked.signal)
  const seen = requirePicture(report)
  const described = describePicture({
    ...seen,
    track: picture,
    rotation: known?.rotation ?? seen.rotation,
  })
  return { ...common, picture: described, ...checkedSound(sound, report) }
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

function requirePicture(report: DecoderReport): NonNullable<DecoderReport['picture']> {
  if (report.picture !== null) return report.picture
  throw new HeadwaterError(
    'media_malformed',
    'The file has a picture track, but not one of its first pictures can be decoded.',
  )
}

/** Without an index: facts from the decoder's report, times from its list of packets. */
async function factsOfDecoder(deps: InspectDeps, looked: Looked): Promise<SourceFacts> {
  const report = await reportOn(deps, looked.media, 0, looked.signal)
  const seen = requirePicture(report)
  const times = await listPackets(deps, looked.media, 0, looked.signal)
  if (looked.container !== 'mp4') refuseCutShort(times, report.durationSeconds, looked.media.sizeBytes)
  const { sound } = report
  return {
    container: looked.container,
    media: looked.media,
    movie: null,
    picture: describePicture({ ...seen, track: 0 }),
    times,
    // Number among the sound streams: the first.
    sound: sound === null ? null : { ...sound, track: 0 },
    notes: [],
  }
}

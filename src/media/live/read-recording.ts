/**
 * What a recording says of itself, for a broadcast that goes on after a restart: its formats, and all its fragments. Read
 * from the bytes alone; what is broken off at the end is left out.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import { readSequenceParameterSet } from '../codecs/avc.ts'
import type { ByteSource, MovieTrack } from '../isobmff/movie.ts'
import { type Box, childBoxes, fieldsOf } from '../isobmff/read-boxes.ts'
import { readMovie } from '../isobmff/read-movie.ts'
import { concatBytes } from '../isobmff/write-boxes.ts'
import { GAP_BRAND, type LiveFragment, PICTURE_TRACK_ID, SOUND_TRACK_ID } from './fragment.ts'
import type { SoundFormat, VideoFormat } from './units.ts'

/** A fragment in a recording. */
export type FoundFragment = Omit<LiveFragment, 'bytes'> & {
  readonly position: number
  readonly length: number
  /** Format of the pictures from here on, where it is another one than before. */
  readonly changedTo: VideoFormat | null
}

export type FoundRecording = {
  /** As it began. */
  readonly video: VideoFormat | null
  readonly audio: SoundFormat | null
  readonly fragments: readonly FoundFragment[]
  /** Where the last whole fragment ends. */
  readonly endBytes: number
}

/** Reads a recording's heads, not its media. Throws `mp4_…` or `codec_config_broken` for what is none of ours. */
export async function readRecording(source: ByteSource): Promise<FoundRecording> {
  const headBytes = await findHead(source)
  const head = await readMovie({
    sizeBytes: headBytes,
    read: (target, position) =>
      source.read(
        target.subarray(0, Math.max(0, Math.min(target.byteLength, headBytes - position))),
        position,
      ),
  })
  const pictures = head.tracks.find(({ id }) => id === PICTURE_TRACK_ID)
  const sounds = head.tracks.find(({ id }) => id === SOUND_TRACK_ID)
  const video = pictures === undefined ? null : videoFormat(pictures)
  const fragments: FoundFragment[] = []
  let position = headBytes
  for (;;) {
    const found = await readFragment(source, position)
    if (found === undefined) break
    fragments.push(found)
    position += found.length
  }
  return {
    video,
    audio: sounds === undefined ? null : soundFormat(sounds),
    fragments: onlyChanges(fragments, video),
    endBytes: position,
  }
}

/** Parameter sets go before every sync picture once they differ; a change is only where they do. */
function onlyChanges(fragments: readonly FoundFragment[], first: VideoFormat | null): FoundFragment[] {
  let known = first?.config
  return fragments.map((fragment) => {
    const { changedTo } = fragment
    if (changedTo === null) return fragment
    const isNew = known === undefined || !sameSets(known, changedTo.config)
    if (isNew) known = changedTo.config
    return { ...fragment, changedTo: isNew ? changedTo : null }
  })
}

/** What follows the parameter sets of an `avcC` may be written or not. */
function sameSets(a: Uint8Array, b: Uint8Array): boolean {
  const length = Math.min(a.byteLength, b.byteLength)
  return a.subarray(6, length).every((byte, at) => byte === b[6 + at])
}

/** Bytes before the first fragment: `ftyp` and `moov`. */
async function findHead(source: ByteSource): Promise<number> {
  let position = 0
  for (let boxes = 0; boxes < 2; boxes += 1) {
    const head = await readAt(source, position, 8)
    if (head.byteLength < 8)
      throw new HeadwaterError('mp4_cut_off', 'The recording ends before its tracks are told.')
    position += u32(head, 0)
  }
  return position
}

/** `styp` (at the begin of a segment), `moof`, `mdat`; undefined where they are not whole. */
async function readFragment(source: ByteSource, position: number): Promise<FoundFragment | undefined> {
  let bytes = await readAt(source, position, USUAL_HEAD_BYTES)
  const styp = boxSize(bytes, 0, 'styp') ?? 0
  const moof = boxSize(bytes, styp, 'moof')
  if (moof === undefined || moof > MOST_MOOF_BYTES) return undefined
  const mdatAt = styp + moof
  const needed = mdatAt + 8
  if (bytes.byteLength < needed) bytes = await readAt(source, position, needed)
  const mdat = boxSize(bytes, mdatAt, 'mdat')
  if (mdat === undefined || position + mdatAt + mdat > source.sizeBytes) return undefined
  const run = readRun(bytes, styp, mdatAt)
  const afterGap = styp > 0 && brands(bytes.subarray(8, styp)).includes(GAP_BRAND)
  const isPictureStart = run.trackId === PICTURE_TRACK_ID && styp > 0 && run.isSync
  return {
    trackId: run.trackId,
    decodeTime: run.decodeTime,
    duration: run.duration,
    sampleCount: run.sampleCount,
    isSync: run.isSync,
    startsSegment: styp > 0,
    afterGap,
    position,
    length: mdatAt + mdat,
    changedTo: isPictureStart
      ? readParameterSets(
          await readAt(source, position + mdatAt + 8, Math.min(run.firstSize, MOST_SETS_BYTES)),
        )
      : null,
  }
}

/** What our own `moof` says: one `traf` with `tfhd`, `tfdt` and one `trun` whose samples have every field. */
function readRun(bytes: Uint8Array, start: number, end: number) {
  const boxes = new Map<string, Box>()
  const [moof] = childBoxes(bytes, start, end)
  for (const box of moof === undefined ? [] : childBoxes(bytes, moof.bodyStart, moof.end)) {
    if (box.type !== 'traf') continue
    for (const inner of childBoxes(bytes, box.bodyStart, box.end)) boxes.set(inner.type, inner)
  }
  const [tfhd, tfdt, trun] = [boxes.get('tfhd'), boxes.get('tfdt'), boxes.get('trun')]
  if (tfhd === undefined || tfdt === undefined || trun === undefined) {
    throw new HeadwaterError(
      'mp4_fragment_out_of_order',
      'A fragment of the recording lacks a box that we write.',
    )
  }
  const track = fieldsOf(bytes, tfhd)
  track.skip(4)
  const time = fieldsOf(bytes, tfdt)
  time.skip(4)
  const samples = fieldsOf(bytes, trun)
  samples.skip(4)
  const sampleCount = samples.u32()
  samples.skip(4)
  let duration = 0
  let firstSize = 0
  let isSync = false
  for (let sample = 0; sample < sampleCount; sample += 1) {
    duration += samples.u32()
    const size = samples.u32()
    const flags = samples.u32()
    samples.skip(4)
    if (sample === 0) {
      firstSize = size
      isSync = (flags & NON_SYNC) === 0
    }
  }
  return { trackId: track.u32(), decodeTime: time.u64(), duration, sampleCount, firstSize, isSync }
}

/** The format told by the parameter sets that stand before a sync picture; null where none do. */
function readParameterSets(sample: Uint8Array): VideoFormat | null {
  const sequence: Uint8Array[] = []
  const picture: Uint8Array[] = []
  for (let at = 0; at + 5 <= sample.byteLength; ) {
    const end = at + 4 + u32(sample, at)
    const type = (sample[at + 4] ?? 0) & 31
    if ((type !== SPS && type !== PPS) || end > sample.byteLength) break
    if (type === SPS) sequence.push(sample.subarray(at + 4, end))
    else picture.push(sample.subarray(at + 4, end))
    at = end
  }
  const [first] = sequence
  if (first === undefined || picture.length === 0) return null
  const { width, height } = readSequenceParameterSet(first)
  const config = concatBytes([
    Uint8Array.of(1, first[1] ?? 0, first[2] ?? 0, first[3] ?? 0, 0xff, 0xe0 | sequence.length),
    ...sequence.flatMap(withLength),
    Uint8Array.of(picture.length),
    ...picture.flatMap(withLength),
  ])
  return { kind: 'video', codec: 'avc', config, width, height }
}

function withLength(unit: Uint8Array): Uint8Array[] {
  return [Uint8Array.of(unit.byteLength >> 8, unit.byteLength & 255), unit]
}

function videoFormat({ entries: [entry] }: MovieTrack): VideoFormat | null {
  if (!entry?.config || !entry.video) return null
  const { width, height } = entry.video
  return { kind: 'video', codec: 'avc', config: entry.config, width, height }
}

function soundFormat({ entries: [entry] }: MovieTrack): SoundFormat | null {
  if (!entry?.config || !entry.audio) return null
  const { sampleRate, channels } = entry.audio
  return { kind: 'audio', codec: 'aac', config: entry.config, sampleRate, channels }
}

function brands(body: Uint8Array): string[] {
  const text = String.fromCharCode(...body)
  return Array.from({ length: Math.floor(text.length / 4) }, (_, at) => text.slice(at * 4, at * 4 + 4))
}

function boxSize(bytes: Uint8Array, at: number, type: string): number | undefined {
  if (at + 8 > bytes.byteLength) return undefined
  return String.fromCharCode(...bytes.subarray(at + 4, at + 8)) === type ? u32(bytes, at) : undefined
}

function u32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at)
}

async function readAt(source: ByteSource, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  return bytes.subarray(0, await source.read(bytes, position))
}

const NON_SYNC = 0x00010000
const SPS = 7
const PPS = 8
/** Holds the head of nearly every fragment. */
const USUAL_HEAD_BYTES = 2_048
/** Of thousands of pictures in a part. */
const MOST_MOOF_BYTES = 1_048_576
/** More than the parameter sets of any stream take. */
const MOST_SETS_BYTES = 16_384

/** MP4, MOV and 3GP files → tracks and sample tables; `moov` anywhere, plain or fragmented (ISO/IEC 14496-12). */

import { HeadwaterError } from '../../lib/failure.ts'
import { scaleTicks } from '../../lib/ticks.ts'
import type { ByteSource, Edit, Movie, MovieTrack, SampleTable } from './movie.ts'
import {
  printable,
  type Box,
  childBoxes,
  type FileBox,
  FileWalk,
  fieldsOf,
  findChild,
  malformed,
  type Mp4Fault,
  readingAt,
} from './read-boxes.ts'
import {
  type FragmentDefaults,
  GrowingSamples,
  readFragment,
  readFragmentDefaults,
} from './read-fragments.ts'
import { readSampleDescriptions } from './sample-entry.ts'
import { checkLayout, emptySamples, readSampleTable, SampleBudget } from './sample-table.ts'

/** A film of two hours has an index of 11 MB; what is much larger is meant to fill our memory. */
const MAX_MOOV_BYTES = 256 * 1024 * 1024
const MAX_MOOF_BYTES = 16 * 1024 * 1024
/** All fragments' headers together. */
const MAX_FRAGMENT_BYTES = 512 * 1024 * 1024
const MAX_BOXES_BEFORE_MOOV = 10_000
const MAX_TRACKS = 128
const MAX_EDITS = 10_000

/**
 * Reads the index of a file. Samples may lie beyond the end of the file: `neededBytes` then says so. Tracks that are
 * neither picture nor sound keep their description but have no samples. Throws `mp4_…` with a sentence saying what was
 * found and, as the fact `atByte`, where.
 */
export async function readMovie(source: ByteSource): Promise<Movie> {
  const walk = new FileWalk(source)
  const seen: FileBox[] = []
  let movie: MovieBuilder | undefined
  let boxes = 0
  let fragmentBytes = 0
  for await (const box of walk.boxes()) {
    boxes += 1
    if (movie === undefined) noteBox(seen, box, boxes)
    if (box.type === 'moov' && movie === undefined) {
      const bytes = await readWhole(walk, box, MAX_MOOV_BYTES, TOO_LARGE_MOOV)
      movie = readingAt(box.start, () => readMoov(bytes, source.sizeBytes))
      if (!movie.fragmented) return movie.finish()
    } else if (box.type === 'moof' && movie !== undefined) {
      if (box.truncated) {
        movie.needBytes(box.end)
        break
      }
      fragmentBytes += box.end - box.start
      if (fragmentBytes > MAX_FRAGMENT_BYTES) {
        const problem = `headers pass ${MAX_FRAGMENT_BYTES} bytes`
        throw malformed('mp4_fragments_too_large', "'moof'", problem, box.start)
      }
      const bytes = await readWhole(walk, box, MAX_MOOF_BYTES, TOO_LARGE_MOOF)
      readingAt(box.start, () => movie?.addFragment(bytes, box.start))
    } else if (box.type === 'mdat' && box.truncated && movie !== undefined) {
      movie.needBytes(box.end)
    }
  }
  if (movie === undefined) throw noMovie(source, seen)
  return movie.finish()
}

/** Remembers the first boxes and the last one, for the sentence that says what was found instead of an index. */
function noteBox(seen: FileBox[], box: FileBox, count: number): void {
  if (count > MAX_BOXES_BEFORE_MOOV) {
    const problem = `has more than ${MAX_BOXES_BEFORE_MOOV} boxes before its 'moov'`
    throw malformed('mp4_too_many_boxes', 'the file', problem, box.start)
  }
  if (seen.length === 8) seen.pop()
  seen.push(box)
}

const TOO_LARGE_MOOV: Mp4Fault = 'mp4_index_too_large'
const TOO_LARGE_MOOF: Mp4Fault = 'mp4_fragments_too_large'

/** The whole box as bytes, after checking that it is there and of sensible size. */
async function readWhole(
  walk: FileWalk,
  box: FileBox,
  limit: number,
  tooLarge: Mp4Fault,
): Promise<Uint8Array> {
  const size = box.end - box.start
  if (size > limit) {
    const problem = `claims ${size} bytes, at most ${limit} are accepted`
    throw malformed(tooLarge, `'${box.type}'`, problem, box.start)
  }
  if (box.truncated) {
    const problem = `claims ${size} bytes, but the file ends before that; send the whole file`
    throw malformed('mp4_index_cut_off', `'${box.type}'`, problem, box.start)
  }
  return await walk.read(box.start, box.end)
}

/** Says why there is no index. */
function noMovie({ sizeBytes }: ByteSource, seen: readonly FileBox[]): HeadwaterError {
  const last = seen.at(-1)
  if (last === undefined) {
    const sentence = `Expected an MP4 file, but its ${sizeBytes} bytes do not begin with an MP4 box.`
    return new HeadwaterError('mp4_box_too_short', sentence, { facts: { sizeBytes, atByte: 0 } })
  }
  const found = seen.map((box) => `'${box.type}'`).join(', ')
  const facts = { sizeBytes, truncated: last.truncated, atByte: last.truncated ? sizeBytes : last.end }
  if (seen.some(({ type }) => type === 'moof' || type === 'styp')) {
    const sentence = `The MP4 file consists of fragments without the movie header ('moov') that comes before them; found only ${found} in ${sizeBytes} bytes.`
    return new HeadwaterError('mp4_init_missing', sentence, {
      facts: { ...facts, atByte: seen[0]?.start ?? 0 },
    })
  }
  if (last.truncated) {
    const sentence = `The MP4 file is cut off: its ${sizeBytes} bytes end inside '${last.type}', which claims to reach byte ${last.end}, and no movie header ('moov') comes before; send the whole file.`
    return new HeadwaterError('mp4_cut_off_before_index', sentence, { facts })
  }
  const sentence = `The MP4 file has no movie header ('moov'); found only ${found} in ${sizeBytes} bytes.`
  return new HeadwaterError('mp4_index_missing', sentence, { facts })
}

/** A track while the file is read. */
type TrackBuilder = Omit<MovieTrack, 'samples'> & {
  readonly initial: SampleTable
  readonly growing: GrowingSamples | null
}

/** The movie while the file is read. */
class MovieBuilder {
  readonly fragmented: boolean
  readonly #timescale: number
  readonly #tracks: readonly TrackBuilder[]
  readonly #growing: ReadonlyMap<number, GrowingSamples | null>
  #neededBytes = 0

  constructor(timescale: number, tracks: readonly TrackBuilder[], fragmented: boolean) {
    this.#timescale = timescale
    this.#tracks = tracks
    this.fragmented = fragmented
    this.#growing = new Map(tracks.map((track) => [track.id, track.growing]))
  }

  /** Appends the samples of one `moof` that lies at `start` in the file. */
  addFragment(moof: Uint8Array, start: number): void {
    readFragment(moof, start, this.#growing)
  }

  /** Notes that the file should reach `end`. */
  needBytes(end: number): void {
    this.#neededBytes = Math.max(this.#neededBytes, end)
  }

  finish(): Movie {
    const tracks = this.#tracks.map(({ initial, growing, ...track }): MovieTrack => {
      const samples = growing === null ? initial : growing.finish()
      this.needBytes(checkLayout(samples, `track ${track.id}`))
      return { ...track, samples }
    })
    return { timescale: this.#timescale, fragmented: this.fragmented, tracks, neededBytes: this.#neededBytes }
  }
}

function readMoov(bytes: Uint8Array, fileBytes: number): MovieBuilder {
  const moov = childBoxes(bytes, 0, bytes.byteLength).next().value
  if (moov === undefined) throw malformed('mp4_box_missing', "'moov'", 'is empty')
  const packed = findChild(bytes, moov, 'cmov')
  if (packed !== undefined) {
    const problem = 'is compressed (QuickTime cmov), which is not supported'
    throw malformed('mp4_index_compressed', "'moov'", problem, packed.start)
  }
  const mvhd = findChild(bytes, moov, 'mvhd')
  if (mvhd === undefined) {
    const inner = findChild(bytes, moov, 'moov')
    if (inner === undefined) throw malformed('mp4_box_missing', "'moov'", "has no 'mvhd'", moov.start)
    throw malformed('mp4_index_nested', "'moov'", "holds another 'moov' instead of a header", inner.start)
  }
  const timescale = readTimescale(bytes, mvhd)
  const mvex = findChild(bytes, moov, 'mvex')
  const context: TrackContext = {
    movieTimescale: timescale,
    budget: new SampleBudget(fileBytes),
    defaults: mvex === undefined ? null : readFragmentDefaults(bytes, mvex),
  }
  const tracks: TrackBuilder[] = []
  for (const box of childBoxes(bytes, moov.bodyStart, moov.end)) {
    if (box.type !== 'trak') continue
    if (tracks.length === MAX_TRACKS) {
      throw malformed('mp4_too_many_tracks', "'moov'", `has more than ${MAX_TRACKS} tracks`, box.start)
    }
    const track = readTrack(bytes, box, context)
    if (tracks.some(({ id }) => id === track.id)) {
      throw malformed('mp4_track_id_twice', "'tkhd'", `uses the track id ${track.id} twice`, box.start)
    }
    tracks.push(track)
  }
  if (tracks.length === 0) throw malformed('mp4_no_tracks', "'moov'", "has no 'trak'", moov.start)
  return new MovieBuilder(timescale, tracks, mvex !== undefined)
}

type TrackContext = {
  readonly movieTimescale: number
  readonly budget: SampleBudget
  /** Null in a file without fragments. */
  readonly defaults: ReadonlyMap<number, FragmentDefaults> | null
}

function readTrack(bytes: Uint8Array, trak: Box, context: TrackContext): TrackBuilder {
  const { id, matrix } = readTrackHeader(bytes, requireChild(bytes, trak, 'tkhd'))
  const mdia = requireChild(bytes, trak, 'mdia')
  const { timescale, language } = readMediaHeader(bytes, requireChild(bytes, mdia, 'mdhd'))
  const kind = readKind(bytes, findChild(bytes, mdia, 'hdlr'))
  const minf = findChild(bytes, mdia, 'minf')
  const stbl = minf === undefined ? undefined : findChild(bytes, minf, 'stbl')
  const edts = findChild(bytes, trak, 'edts')
  const elst = edts === undefined ? undefined : findChild(bytes, edts, 'elst')
  const edits = elst === undefined ? [] : readEdits(bytes, elst, { timescale, ...context })
  const common = { id, kind, timescale, matrix, language, edits }
  if (stbl === undefined || kind === 'other') {
    return { ...common, entries: [], initial: emptySamples(), growing: null }
  }
  if (minf !== undefined) refuseElsewhere(bytes, minf)
  const stsd = requireChild(bytes, stbl, 'stsd')
  const { entries, packing } = readSampleDescriptions(bytes, stsd, kind)
  const { budget, defaults } = context
  const initial = readSampleTable(bytes, stbl, { budget, sound: kind === 'audio', packing })
  const growing =
    defaults === null
      ? null
      : new GrowingSamples(initial, {
          defaults: defaults.get(id) ?? { duration: 0, size: 0, flags: 0 },
          budget,
          name: `track ${id}`,
        })
  return { ...common, entries, initial, growing }
}

/** Flag of a data reference (§8.7.2.3): the media are in this file. */
const SELF_CONTAINED = 1

/**
 * §8.7.2: media may lie in another file, which a reader would have to open, so such a track has nothing that could be
 * played. A reference that names nothing means this file, whatever its flag says.
 */
function refuseElsewhere(bytes: Uint8Array, minf: Box): void {
  const dinf = findChild(bytes, minf, 'dinf')
  const dref = dinf && findChild(bytes, dinf, 'dref')
  if (dref === undefined) return
  // Behind version, flags and the number of entries.
  for (const entry of childBoxes(bytes, dref.bodyStart + 8, dref.end, { tolerant: true })) {
    if (entry.end - entry.bodyStart < 4) continue
    const flags = fieldsOf(bytes, entry).u32() & 0xff_ffff
    const names = bytes.subarray(entry.bodyStart + 4, entry.end).some((byte) => byte !== 0)
    if ((flags & SELF_CONTAINED) === 0 && names) {
      const problem = `says that the media lie in another file ('${printable(entry.type)}')`
      throw malformed('mp4_media_elsewhere', "'dref'", problem, entry.start)
    }
  }
}

/** §8.3.2. Version 1 has 64-bit times. */
function readTrackHeader(bytes: Uint8Array, tkhd: Box): { id: number; matrix: readonly number[] } {
  const fields = fieldsOf(bytes, tkhd)
  const version = fields.u8()
  fields.skip(3 + (version === 1 ? 16 : 8))
  const id = fields.u32()
  fields.skip(4 + (version === 1 ? 8 : 4) + 16)
  return { id, matrix: Array.from({ length: 9 }, () => fields.i32()) }
}

/** §8.4.2. */
function readMediaHeader(bytes: Uint8Array, mdhd: Box): { timescale: number; language: string } {
  const fields = fieldsOf(bytes, mdhd)
  const version = fields.u8()
  fields.skip(3 + (version === 1 ? 16 : 8))
  const timescale = fields.u32()
  if (timescale === 0) throw fields.fail('mp4_timescale_zero', 'has a timescale of 0')
  fields.skip(version === 1 ? 8 : 4)
  return { timescale, language: formatLanguage(fields.u16()) }
}

/** Three letters of five bits each; QuickTime's numbers below 0x400 are old Macintosh codes. */
function formatLanguage(packed: number): string {
  const letters = [10, 5, 0].map((shift) => String.fromCharCode(((packed >> shift) & 31) + 0x60)).join('')
  return packed >= 0x400 && /^[a-z]{3}$/.test(letters) ? letters : 'und'
}

/** The timescale of `mvhd` (§8.2.2). */
function readTimescale(bytes: Uint8Array, mvhd: Box): number {
  const fields = fieldsOf(bytes, mvhd)
  const version = fields.u8()
  fields.skip(3 + (version === 1 ? 16 : 8))
  const timescale = fields.u32()
  if (timescale === 0) throw fields.fail('mp4_timescale_zero', 'has a timescale of 0')
  return timescale
}

function readKind(bytes: Uint8Array, hdlr: Box | undefined): MovieTrack['kind'] {
  if (hdlr === undefined) return 'other'
  const fields = fieldsOf(bytes, hdlr)
  fields.skip(8)
  const handler = fields.fourcc()
  if (handler === 'vide') return 'video'
  return handler === 'soun' ? 'audio' : 'other'
}

/** §8.6.6. Durations come in the movie's timescale and are converted, so that one track explains itself. */
function readEdits(
  bytes: Uint8Array,
  elst: Box,
  { timescale, movieTimescale }: { timescale: number; movieTimescale: number },
): readonly Edit[] {
  const fields = fieldsOf(bytes, elst)
  const version = fields.u8()
  fields.skip(3)
  const count = fields.u32()
  fields.requireEntries(count, version === 1 ? 20 : 12)
  if (count > MAX_EDITS) {
    throw fields.fail('mp4_edit_list_broken', `has ${count} entries, at most ${MAX_EDITS} are accepted`)
  }
  return Array.from({ length: count }, (): Edit => {
    const duration = version === 1 ? fields.u64() : fields.u32()
    const mediaTime = version === 1 ? fields.i64() : fields.i32()
    const rate = fields.i32() / 65_536
    if (mediaTime < -1) throw fields.fail('mp4_edit_list_broken', `starts an edit at ${mediaTime} ticks`)
    const scaled = scaleTicks(duration, timescale, movieTimescale)
    return { durationTicks: duration === 0 ? 0 : Math.max(1, scaled), mediaTime, rate }
  })
}

function requireChild(bytes: Uint8Array, parent: Box, type: string): Box {
  const box = findChild(bytes, parent, type)
  if (box === undefined) {
    throw malformed('mp4_box_missing', `'${parent.type}'`, `has no '${type}'`, parent.start)
  }
  return box
}

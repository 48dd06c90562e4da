/** MP4 headers by hand, so that tests can say in a table what a file claims, however absurd. */

import {
  avc1Entry,
  box,
  concatBytes,
  ftyp,
  fullBox,
  hdlr,
  mdia,
  moov,
  mvhd,
  tkhd,
  trak,
} from '../src/media/isobmff/write-boxes.ts'

/** One track's tables; pairs are [count, value] unless said otherwise. */
export type TrackTables = {
  readonly id?: number
  readonly handler?: 'vide' | 'soun'
  readonly timescale?: number
  /** What `mdhd` declares, in ticks; 0 = nothing. */
  readonly duration?: number
  readonly entry?: Uint8Array
  /** [segment duration in the movie's timescale, media time]. */
  readonly edits?: readonly (readonly [number, number])[]
  readonly stts: readonly (readonly [number, number])[]
  readonly ctts?: readonly (readonly [number, number])[]
  readonly stss?: readonly number[]
  /** Sizes, or one size for a number of samples. */
  readonly stsz: readonly number[] | { readonly size: number; readonly count: number }
  /** [first chunk, samples per chunk]. */
  readonly stsc: readonly (readonly [number, number])[]
  readonly stco: readonly number[]
  /** Write `co64`. */
  readonly wide?: boolean
}

/** A movie's timescale in these files. */
export const MOVIE_TIMESCALE = 1000

/** Four 25 fps samples of 10 bytes in one chunk at byte 1,000. */
export const FOUR_SAMPLES: TrackTables = {
  stts: [[4, 512]],
  stsz: [10, 10, 10, 10],
  stsc: [[1, 4]],
  stco: [1000],
}

/** `ftyp` and `moov` of these tracks. */
export function plainMovie(tracks: readonly TrackTables[], extra: readonly Uint8Array[] = []): Uint8Array {
  const traks = tracks.map((track, index) => writeTrack({ id: index + 1, ...track }))
  return concatBytes([
    ftyp('isom', 'isom'),
    moov(mvhd({ timescale: MOVIE_TIMESCALE, nextTrackId: 9 }), ...traks, ...extra),
  ])
}

/** A sample table alone. */
export function sampleTableBox(track: TrackTables): Uint8Array {
  const { entry = avc1Entry({ avcC: new Uint8Array(7), width: 160, height: 120 }) } = track
  const sizes =
    'size' in track.stsz ? [track.stsz.size, track.stsz.count] : [0, track.stsz.length, ...track.stsz]
  const runs = track.stsc.map(([first, count]) => [first, count, 1])
  const positions = track.wide
    ? track.stco.flatMap((position) => [Math.floor(position / 2 ** 32), position % 2 ** 32])
    : track.stco
  return box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), entry),
    table('stts', track.stts),
    ...(track.ctts === undefined ? [] : [table('ctts', track.ctts)]),
    ...(track.stss === undefined
      ? []
      : [
          table(
            'stss',
            track.stss.map((sample) => [sample]),
          ),
        ]),
    fullBox('stsz', 0, 0, integers(sizes)),
    table('stsc', runs),
    fullBox(track.wide ? 'co64' : 'stco', 0, 0, u32(track.stco.length), integers(positions)),
  )
}

function table(type: string, rows: readonly (readonly number[])[]): Uint8Array {
  return fullBox(type, 0, 0, u32(rows.length), integers(rows.flat()))
}

function writeTrack(track: TrackTables & { id: number }): Uint8Array {
  const { id, handler = 'vide', timescale = 12_800, duration = 0, edits } = track
  const edit =
    edits === undefined
      ? []
      : [
          box(
            'edts',
            table(
              'elst',
              edits.map(([duration, mediaTime]) => [duration, mediaTime, 0x10000]),
            ),
          ),
        ]
  return trak(
    tkhd({ trackId: id, volume: 0, width: 160, height: 120 }),
    ...edit,
    mdia(mediaHeader(timescale, duration), hdlr(handler), box('minf', sampleTableBox(track))),
  )
}

function mediaHeader(timescale: number, duration: number): Uint8Array {
  return fullBox('mdhd', 0, 0, u32(0, 0, timescale, duration), u32(0x55c40000))
}

/** Big-endian 32-bit integers; negative ones as two's complement. */
export function u32(...values: readonly number[]): Uint8Array {
  return integers(values)
}

/** A big-endian 64-bit integer. */
export function u64(value: number): Uint8Array {
  return u32(Math.floor(value / 2 ** 32), value % 2 ** 32)
}

/** Tables too long to be arguments. */
function integers(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4)
  const view = new DataView(bytes.buffer)
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value)
  return bytes
}

/**
 * A movie's index as one blob, so that a two-hour file is parsed once (about 25 bytes a sample). Layout: eight bytes of
 * magic, the length of the description (u32), CRC-32 of everything else (u32), the description (JSON), padding to
 * eight bytes, then each track's arrays in `COLUMNS` order, each padded to eight bytes, so that reading makes views and
 * copies nothing. Numbers are little endian, like every machine Node runs on.
 */

import { continueCrc32, crc32 } from '../../lib/crc32.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { ByteSource, Movie, MovieTrack, SampleEntry, SampleTable } from './movie.ts'

/** `HWINDEX` and the version of the layout. */
const MAGIC = Uint8Array.from('HWINDEX1', (character) => character.charCodeAt(0))
const HEADER_BYTES = 16
const CHECKSUM_AT = 12

/** A sample entry whose bytes are base64. */
type StoredEntry = Omit<SampleEntry, 'box' | 'config'> & {
  readonly box: string
  readonly config: string | null
}
type StoredTrack = Omit<MovieTrack, 'samples' | 'entries'> & {
  readonly entries: readonly StoredEntry[]
  readonly count: number
  readonly endTime: number
}
type StoredMovie = Omit<Movie, 'tracks'> & { readonly tracks: readonly StoredTrack[] }

/** Read at a time. */
const READ_BYTES = 1024 * 1024

/** Bytes per sample of each array, in stored order. */
const COLUMNS = [8, 4, 8, 4, 1] as const

/** Writes the index. `parseIndex` reads it back equal. */
export function formatIndex(movie: Movie): Uint8Array<ArrayBuffer> {
  const description = new TextEncoder().encode(JSON.stringify(describe(movie)))
  const start = padded(HEADER_BYTES + description.byteLength)
  const size = movie.tracks.reduce((sum, { samples }) => sum + samplesSize(samples.count), start)
  const bytes = new Uint8Array(size)
  bytes.set(MAGIC)
  const header = new DataView(bytes.buffer)
  header.setUint32(8, description.byteLength, true)
  bytes.set(description, HEADER_BYTES)
  let position = start
  for (const { samples } of movie.tracks) {
    for (const column of columnsOf(samples)) {
      bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), position)
      position += padded(column.byteLength)
    }
  }
  header.setUint32(CHECKSUM_AT, checksum(bytes), true)
  return bytes
}

/**
 * Reads a stored index whole, piece by piece, so that one of ten hours (70 MB) holds up nobody. Throws `blob_damaged`
 * when it is not one that `formatIndex` wrote.
 */
export async function readIndex(source: ByteSource): Promise<Movie> {
  const bytes = new Uint8Array(source.sizeBytes)
  let sum = 0
  for (let position = 0; position < bytes.byteLength; position += READ_BYTES) {
    const piece = bytes.subarray(position, position + READ_BYTES)
    const got = await source.read(piece, position)
    if (got < piece.byteLength)
      throw damaged(`has ${bytes.byteLength} bytes, of which ${position + got} are there`)
    sum = position === 0 ? checksum(piece) : continueCrc32(sum, piece)
  }
  return viewIndex(bytes, sum)
}

/**
 * Reads an index; the arrays are views of `bytes` where its alignment allows. Throws `blob_damaged` when it is not one
 * that `formatIndex` wrote.
 */
export function parseIndex(bytes: Uint8Array): Movie {
  return viewIndex(bytes.byteOffset % 8 === 0 ? bytes : bytes.slice(), checksum(bytes))
}

/** `sum`: the checksum of `aligned`, which begins at a multiple of eight bytes. */
function viewIndex(aligned: Uint8Array, sum: number): Movie {
  const movie = readDescription(aligned, sum)
  let position = padded(HEADER_BYTES + descriptionLength(aligned))
  const expected = movie.tracks.reduce((sum, { count }) => sum + samplesSize(count), position)
  if (expected !== aligned.byteLength) {
    throw damaged(`describes ${expected} bytes, but has ${aligned.byteLength}`)
  }
  const tracks = movie.tracks.map(({ count, endTime, entries, ...track }): MovieTrack => {
    const at = COLUMNS.map((width) => {
      const start = aligned.byteOffset + position
      position += padded(width * count)
      return start
    })
    const { buffer } = aligned
    const samples: SampleTable = {
      count,
      offsets: new Float64Array(buffer, at[0], count),
      sizes: new Uint32Array(buffer, at[1], count),
      decodeTimes: new Float64Array(buffer, at[2], count),
      compositionOffsets: new Int32Array(buffer, at[3], count),
      sync: new Uint8Array(buffer, at[4], count),
      endTime,
    }
    return { ...track, entries: entries.map(restoreEntry), samples }
  })
  return { ...movie, tracks }
}

function describe({ tracks, ...movie }: Movie): StoredMovie {
  return {
    ...movie,
    tracks: tracks.map(({ samples, entries, ...track }) => ({
      ...track,
      entries: entries.map((entry) => ({
        ...entry,
        box: encodeBytes(entry.box),
        config: entry.config === null ? null : encodeBytes(entry.config),
      })),
      count: samples.count,
      endTime: samples.endTime,
    })),
  }
}

function readDescription(bytes: Uint8Array, sum: number): StoredMovie {
  if (bytes.byteLength < HEADER_BYTES || MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw damaged('does not begin as one')
  }
  const end = HEADER_BYTES + descriptionLength(bytes)
  if (end > bytes.byteLength) throw damaged('ends inside its description')
  const expected = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES).getUint32(CHECKSUM_AT, true)
  if (sum !== expected) throw damaged('does not match its checksum')
  // The checksum says that `formatIndex` wrote it, so its shape needs no further check.
  return JSON.parse(new TextDecoder().decode(bytes.subarray(HEADER_BYTES, end))) as StoredMovie
}

/** Of everything but itself. */
function checksum(bytes: Uint8Array): number {
  return crc32(bytes.subarray(0, CHECKSUM_AT), bytes.subarray(HEADER_BYTES))
}

function descriptionLength(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES).getUint32(8, true)
}

function restoreEntry(entry: StoredEntry): SampleEntry {
  return {
    ...entry,
    box: decodeBytes(entry.box),
    config: entry.config === null ? null : decodeBytes(entry.config),
  }
}

function columnsOf({ count, offsets, sizes, decodeTimes, compositionOffsets, sync }: SampleTable) {
  return [offsets, sizes, decodeTimes, compositionOffsets, sync].map((column) => column.subarray(0, count))
}

function samplesSize(count: number): number {
  return COLUMNS.reduce((sum, width) => sum + padded(width * count), 0)
}

function padded(length: number): number {
  return Math.ceil(length / 8) * 8
}

function encodeBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function decodeBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}

function damaged(problem: string): HeadwaterError {
  return new HeadwaterError('blob_damaged', `The stored sample index ${problem}; it must be made again.`)
}

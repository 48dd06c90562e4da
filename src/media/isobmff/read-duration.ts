/**
 * How long an MP4 or MOV file says its picture lasts, from some fifty headers and without its sample tables: for
 * refusing what is too long before any work is done, also while most of the file is still to come.
 */

import { isFailure } from '../../lib/failure.ts'
import type { ByteSource } from './movie.ts'
import { type Box, FieldReader, FileWalk, malformed } from './read-boxes.ts'

/** Boxes before the `moov` that are passed over; real files have a handful. */
const MAX_BOXES = 64
const MAX_TRACKS = 32
/** Real files take some thirty; what needs more is made to cost time. */
const MAX_READS = 200
/** Longest header box that is read, an edit list of some 800 entries. */
const MAX_HEADER_BYTES = 16_384

/**
 * Duration in seconds that the headers of the first picture track declare, edit list included; undefined when there is
 * no `moov` among the bytes (yet), or when it does not say, as in a fragmented file. What is damaged does not say either.
 */
export async function readDeclaredSeconds(source: ByteSource): Promise<number | undefined> {
  let reads = 0
  const walk = new FileWalk({
    sizeBytes: source.sizeBytes,
    read: async (target, position) => {
      reads += 1
      if (reads > MAX_READS)
        throw malformed('mp4_too_many_boxes', 'the index', `is spread over more than ${MAX_READS} places`)
      return source.read(target, position)
    },
  })
  let boxes = 0
  try {
    for await (const box of walk.boxes()) {
      boxes += 1
      if (boxes > MAX_BOXES || (box.type === 'moov' && box.truncated)) return undefined
      if (box.type === 'moov') return await readMoov(walk, box)
    }
  } catch (error) {
    if (!isFailure(error) || error.kind !== 'media') throw error
  }
  return undefined
}

async function readMoov(walk: FileWalk, moov: Box): Promise<number | undefined> {
  let movieTimescale = 0
  let tracks = 0
  for await (const box of walk.children(moov)) {
    if (box.type === 'mvhd') movieTimescale = (await readTimes(walk, box)).timescale
    if (box.type !== 'trak') continue
    tracks += 1
    if (tracks > MAX_TRACKS) return undefined
    const seconds = await readTrack(walk, box, movieTimescale)
    if (seconds !== 'no picture') return seconds
  }
  return undefined
}

async function readTrack(
  walk: FileWalk,
  trak: Box,
  movieTimescale: number,
): Promise<number | undefined | 'no picture'> {
  const found = await findIn(walk, trak, ['mdia', 'edts'])
  const media = found.mdia && (await findIn(walk, found.mdia, ['mdhd', 'hdlr']))
  if (media?.mdhd === undefined || media.hdlr === undefined) return 'no picture'
  if (!(await isPicture(walk, media.hdlr))) return 'no picture'
  const { timescale, duration } = await readTimes(walk, media.mdhd)
  // §8.4.2: 0 in a fragmented file, all ones where it is not known.
  if (timescale === 0 || duration === 0 || duration === undefined) return undefined
  const mediaSeconds = duration / timescale
  const elst = found.edts && (await findIn(walk, found.edts, ['elst'])).elst
  const shown = elst === undefined ? undefined : await readShown(walk, elst)
  if (shown === undefined || movieTimescale === 0) return mediaSeconds
  return Math.min(mediaSeconds, shown / movieTimescale)
}

/** The first children of these types. */
async function findIn<T extends string>(
  walk: FileWalk,
  parent: Box,
  types: readonly T[],
): Promise<Partial<Record<T, Box>>> {
  const found: Partial<Record<T, Box>> = {}
  for await (const box of walk.children(parent)) {
    const type = types.find((one) => one === box.type)
    if (type !== undefined) found[type] ??= box
  }
  return found
}

async function fieldsAt(walk: FileWalk, box: Box): Promise<FieldReader> {
  const end = Math.min(box.end, box.bodyStart + MAX_HEADER_BYTES)
  const bytes = await walk.read(box.bodyStart, end)
  return new FieldReader(bytes, 0, bytes.byteLength, `'${box.type}'`)
}

/** `mvhd` (§8.2.2) and `mdhd` (§8.4.2) begin alike; version 1 has 64-bit times. */
async function readTimes(
  walk: FileWalk,
  box: Box,
): Promise<{ timescale: number; duration: number | undefined }> {
  const fields = await fieldsAt(walk, box)
  const version = fields.u8()
  fields.skip(3 + (version === 1 ? 16 : 8))
  const timescale = fields.u32()
  if (version === 1) return { timescale, duration: fields.u64() }
  const duration = fields.u32()
  return { timescale, duration: duration === 0xffff_ffff ? undefined : duration }
}

/** §8.4.3. */
async function isPicture(walk: FileWalk, hdlr: Box): Promise<boolean> {
  const fields = await fieldsAt(walk, hdlr)
  fields.skip(8)
  return fields.fourcc() === 'vide'
}

/** Length of what an edit list (§8.6.6) shows, in the movie's timescale; undefined when it goes on to the end. */
async function readShown(walk: FileWalk, elst: Box): Promise<number | undefined> {
  const fields = await fieldsAt(walk, elst)
  const version = fields.u8()
  fields.skip(3)
  const count = fields.u32()
  fields.requireEntries(count, version === 1 ? 20 : 12)
  let shown = 0
  for (let entry = 0; entry < count; entry += 1) {
    const duration = version === 1 ? fields.u64() : fields.u32()
    const mediaTime = version === 1 ? fields.i64() : fields.i32()
    fields.skip(4)
    // An empty edit shows nothing.
    if (mediaTime === -1) continue
    if (duration === 0) return undefined
    shown += duration
  }
  return shown === 0 ? undefined : shown
}

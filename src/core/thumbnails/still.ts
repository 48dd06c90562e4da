/**
 * Stills: one decoded picture of a rendition, kept as a blob so that every size can be made from it. A crash leaves at
 * most a blob without a row, which the sweep removes; the next request decodes again.
 */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { BlobName, Blobs, Clock, Decoder, DecoderFile } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { decoderFault } from '../faults/index.ts'
import { type PictureSlice, slicePicture } from '../../media/cmaf/slice-picture.ts'
import { readMovie } from '../../media/isobmff/read-movie.ts'
import { type Body, bytesBody, readBody, streamBody } from '../playback/index.ts'
import { getVideo, recordBlob } from '../videos/index.ts'

export type StillDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly clock: Clock
  readonly decoder: Decoder
  readonly log: Log
}

/** A still that is kept under `name`; undefined when it has not been made. */
export async function readStill(blobs: Blobs, name: BlobName): Promise<Uint8Array | undefined> {
  const reader = await blobs.open(name).catch((error: unknown) => {
    if (isFailure(error, 'not_found')) return undefined
    throw error
  })
  if (reader === undefined) return undefined
  try {
    return await readExactly(reader)
  } finally {
    await reader.close()
  }
}

/**
 * Decodes one picture: `body` is an init segment and one segment, `number` the picture's place in it. Throws
 * `not_found` where the video is damaged and there is none, `decoder_failed` where the decoder is at fault.
 */
export async function decodeStill(
  deps: Pick<StillDeps, 'blobs' | 'decoder'>,
  still: {
    readonly label: string
    readonly body: Body
    readonly number: number
    readonly signal: AbortSignal
  },
): Promise<Uint8Array> {
  const { bytes, number } = await onlyNeeded(await readBody(deps.blobs, still.body), still.number)
  const decoding = deps.decoder.run(
    {
      label: still.label,
      input: { from: 'pipe', bytes: streamBody(deps.blobs, bytesBody(bytes)) },
      args: buildStillArgs(number),
      outputs: [STILL_FILE],
      limits: { wallMs: 30_000, cpuSeconds: 30, outputBytes: MOST_STILL_BYTES, memoryBytes: 2 * 1024 ** 3 },
      // Somebody looks at an empty frame.
      nice: 0,
    },
    { signal: still.signal },
  )
  const run = await decoding.catch((error: unknown) => {
    if (!isFailure(error, 'decoder_failed') || decoderFault(error.facts) === undefined) throw error
    const sentence = 'The video is damaged: at this place it has no picture that can be decoded.'
    throw new HeadwaterError('not_found', sentence, { cause: error })
  })
  try {
    const file = run.files.get(STILL_FILE)
    if (file === undefined || file.sizeBytes > MOST_STILL_BYTES) {
      throw new HeadwaterError('decoder_failed', `The decoder made no usable picture for ${still.label}.`)
    }
    return await readExactly(file)
  } finally {
    await run.release()
  }
}

/** Of a film what its `number`-th picture needs: decoding is what takes longest. */
async function onlyNeeded(film: Uint8Array, number: number): Promise<PictureSlice> {
  const { tracks } = await readMovie({
    sizeBytes: film.byteLength,
    read: async (target, position) => {
      const piece = film.subarray(position, position + target.byteLength)
      target.set(piece)
      return piece.byteLength
    },
  })
  const track = tracks.find(({ kind }) => kind === 'video')
  return (track && slicePicture(film, track, number)) ?? { bytes: film, number }
}

/** Arguments that decode exactly one picture of a piped film. */
export function buildStillArgs(number: number): readonly string[] {
  return [
    // The segment is CMAF, whatever its bytes try to look like.
    '-f',
    'mov',
    // Somebody waits: up to a segment is decoded for the one picture. More threads would mostly decode ahead of it.
    '-threads',
    '2',
    '-i',
    '{input}',
    '-map',
    '0:v:0',
    // By number, since a time would have to survive two roundings.
    '-vf',
    String.raw`select=eq(n\,${number})`,
    '-frames:v',
    '1',
    // No picture may be repeated to fill the time before the one selected.
    '-fps_mode',
    'passthrough',
    // Finest JPEG in its full range: every answer is made from it once more.
    '-c:v',
    'mjpeg',
    '-q:v',
    '2',
    '-pix_fmt',
    'yuvj420p',
    // One file, not a series of them.
    '-f',
    'image2',
    '-update',
    '1',
    STILL_FILE,
  ]
}

/**
 * Keeps a still for the next request. A still that cannot be kept (a full disk, a video deleted meanwhile) is no reason
 * to refuse the picture that has just been made.
 */
export async function keepStill(
  deps: StillDeps,
  uid: string,
  name: BlobName,
  bytes: Uint8Array,
): Promise<void> {
  try {
    const draft = await deps.blobs.createDraft()
    try {
      await draft.append([bytes])
    } catch (error) {
      await draft.discard()
      throw error
    }
    const facts = await draft.publish(name)
    const recorded = await deps.db.transaction().execute(async (trx) => {
      if ((await getVideo(trx, uid)) === undefined) return false
      await recordBlob(trx, deps.clock, uid, facts)
      return true
    })
    if (!recorded) await deps.blobs.delete(name)
  } catch (error) {
    deps.log.warn({ err: error, uid, blob: name }, 'a thumbnail could not be kept; it will be made again')
  }
}

/** All bytes of a file of the decoder's or of a blob. Throws `blob_damaged` when fewer come than it says. */
export async function readExactly(file: Pick<DecoderFile, 'sizeBytes' | 'read'>): Promise<Uint8Array> {
  const bytes = new Uint8Array(file.sizeBytes)
  const got = await file.read(bytes, 0)
  if (got === bytes.byteLength) return bytes
  throw new HeadwaterError(
    'blob_damaged',
    `A still ended early: ${bytes.byteLength} bytes were expected, ${got} came.`,
  )
}

const STILL_FILE = 'still.jpg'
const MOST_STILL_BYTES = 64 * 1024 * 1024

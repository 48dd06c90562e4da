/**
 * A stranger's image: its frame is checked here, its pixels are decoded in the cage, once. What comes out is an image of
 * our own decoder's, no larger than any picture needs: an encode opens it at the cost of a picture or two.
 */

import { assert, HeadwaterError, isFailure } from '../../lib/failure.ts'
import { readPng } from '../../media/png/read-png.ts'
import type { Decoder, DecoderRun } from '../../ports.ts'
import { buildScaleImage, IMAGE_DEMUXER } from './scale-image.ts'
import { imageTooLarge, MAX_IMAGE_BYTES, MOST_IMAGE_SIDE } from './watermark.ts'

/** An image that can be burnt in. */
export type CheckedImage = {
  /** As our decoder wrote it. */
  readonly bytes: Uint8Array
  /** Of the file that came. */
  readonly width: number
  readonly height: number
}

/** The longest side that is stored: that of the largest common rung. */
const STORED_SIDE = 1_920
const OUTPUT = 'image.png'
/** Eight bits of four channels at the stored size, uncompressed, and something for the frame. */
export const MOST_OUTPUT_BYTES = STORED_SIDE * STORED_SIDE * 4 + 65_536

/** Checks and decodes it. Throws `payload_too_large`, `bad_request` for what is no good PNG, or the abort reason. */
export async function checkImage(
  decoder: Pick<Decoder, 'run'>,
  file: Uint8Array,
  signal: AbortSignal,
): Promise<CheckedImage> {
  if (file.byteLength > MAX_IMAGE_BYTES) throw imageTooLarge()
  const look = readPng(file, MOST_IMAGE_SIDE)
  if (look.kind === 'refused') throw notAnImage(`is ${look.because}`)
  const { width, height } = look
  const run = await decode(decoder, { file, width, height, signal })
  try {
    const output = run.files.get(OUTPUT)
    assert(output !== undefined, 'The run has no image.')
    const bytes = new Uint8Array(output.sizeBytes)
    await output.read(bytes, 0)
    return { bytes, width, height }
  } finally {
    await run.release()
  }
}

/**
 * What is wrong with an image that was stored, as a sentence; undefined when nothing is. It needs no record: a PNG has a
 * checksum for each of its chunks, and an end.
 */
export function findImageDamage(stored: Uint8Array): string | undefined {
  const look = readPng(stored, STORED_SIDE)
  return look.kind === 'png' ? undefined : `It is ${look.because}.`
}

async function decode(
  decoder: Pick<Decoder, 'run'>,
  image: { file: Uint8Array; width: number; height: number; signal: AbortSignal },
): Promise<DecoderRun> {
  const { file, width, height, signal } = image
  try {
    return await decoder.run(
      {
        label: 'image of a watermark',
        input: { from: 'pipe', bytes: pieceOf(file) },
        args: buildImageArgs(width, height),
        outputs: [OUTPUT],
        // The largest takes a second and a third of the memory.
        limits: {
          wallMs: 20_000,
          cpuSeconds: 10,
          outputBytes: MOST_OUTPUT_BYTES,
          memoryBytes: 2 * 1024 ** 3,
        },
        // Somebody waits for the answer.
        nice: 0,
      },
      { signal },
    )
  } catch (error) {
    if (!isFailure(error, 'decoder_failed')) throw error
    throw notAnImage('is a PNG that cannot be decoded', error)
  }
}

/** Arguments that decode one image and write it anew. */
export function buildImageArgs(width: number, height: number): readonly string[] {
  return [
    // What is damaged is refused; without it the rest of the image would be black or clear.
    '-xerror',
    '-err_detect',
    'explode+crccheck',
    // The only demuxer that this input may meet.
    '-f',
    IMAGE_DEMUXER,
    // Turning an image by what its EXIF says is not part of PNG's own sense.
    '-noautorotate',
    '-i',
    '{input}',
    '-map',
    '0:v:0',
    '-vf',
    storedSize(width, height),
    '-frames:v',
    '1',
    '-c:v',
    'png',
    // One file, not a series of them.
    '-f',
    'image2',
    '-update',
    '1',
    OUTPUT,
  ]
}

function storedSize(width: number, height: number): string {
  const share = STORED_SIDE / Math.max(width, height)
  // Whatever its pixels were: grey, a palette, 16 bits.
  if (share >= 1) return 'format=rgba'
  const side = (pixels: number) => Math.max(1, Math.round(pixels * share))
  return `${buildScaleImage(side(width), side(height))},format=rgba`
}

async function* pieceOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes)
}

function notAnImage(what: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError('bad_request', `The image ${what}; expected a whole PNG.`, {
    facts: { field: 'file' },
    cause,
  })
}

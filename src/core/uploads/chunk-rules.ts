/** The vendor's sizes of upload chunks (uploads.md §2.1) as pure checks. An upload chunk is the body of one tus PATCH. */

import { HeadwaterError } from '../../lib/failure.ts'

/** Smallest chunk that is not the last one. */
export const MIN_CHUNK_BYTES = 5_242_880
/** Largest chunk, the last one included; also the largest file of a form upload ("200 MB"). */
export const MAX_CHUNK_BYTES = 209_715_200
/** Every chunk but the last is a multiple of this, so every committed offset is one too (256 KiB). */
export const CHUNK_STEP_BYTES = 262_144
/** Largest upload ("30 GB"). */
export const MAX_UPLOAD_BYTES = 32_212_254_720

/** Where a chunk is to go. `chunkBytes` is undefined when the request does not say (chunked transfer coding). */
export type ChunkPlace = {
  readonly offsetBytes: number
  readonly lengthBytes: number
  readonly chunkBytes: number | undefined
}

/**
 * Refuses a chunk by its declared length, before a byte of it is read. The one that reaches the upload's length is
 * exempt from minimum and divisor, not from the maximum. Throws `bad_request` or `payload_too_large`.
 */
export function checkChunkLength(place: ChunkPlace): void {
  const { offsetBytes, lengthBytes, chunkBytes } = place
  if (chunkBytes === undefined || chunkBytes === 0) return
  if (chunkBytes > MAX_CHUNK_BYTES) throw chunkTooLarge(chunkBytes)
  const endBytes = offsetBytes + chunkBytes
  if (endBytes > lengthBytes) throw chunkBeyondEnd(place)
  if (endBytes === lengthBytes) return
  if (chunkBytes % CHUNK_STEP_BYTES !== 0) {
    throw new HeadwaterError('bad_request', 'Chunk size must be a multiple of 256KiB', {
      facts: { chunkBytes, stepBytes: CHUNK_STEP_BYTES },
    })
  }
  if (chunkBytes < MIN_CHUNK_BYTES) {
    throw new HeadwaterError(
      'bad_request',
      `Chunk size must be at least ${MIN_CHUNK_BYTES} bytes unless it is the last chunk, not ${chunkBytes}`,
      { facts: { chunkBytes, minimumBytes: MIN_CHUNK_BYTES } },
    )
  }
}

/** How many bytes a body of unknown length may bring: up to the upload's end, at most one chunk's worth. */
export function roomForChunk(place: ChunkPlace): number {
  return Math.min(MAX_CHUNK_BYTES, place.lengthBytes - place.offsetBytes)
}

/**
 * What to keep of bytes that reach up to `reachedBytes`: everything if they complete the upload, else the largest
 * multiple of the divisor, so that the next chunk again starts on one (uploads.md §2.5).
 */
export function keepableOffset(reachedBytes: number, lengthBytes: number): number {
  return reachedBytes >= lengthBytes ? lengthBytes : reachedBytes - (reachedBytes % CHUNK_STEP_BYTES)
}

/** Refusal of a chunk over the maximum; `chunkBytes` undefined when it was found while reading. */
export function chunkTooLarge(chunkBytes?: number): HeadwaterError {
  const came = chunkBytes === undefined ? 'this one goes on beyond that' : `this one has ${chunkBytes}`
  return new HeadwaterError(
    'payload_too_large',
    `A chunk may have at most ${MAX_CHUNK_BYTES} bytes, ${came}. Send the file in smaller chunks.`,
    { facts: { chunkBytes: chunkBytes ?? null, maximumBytes: MAX_CHUNK_BYTES } },
  )
}

/** Refusal of a chunk that runs past `Upload-Length`. */
export function chunkBeyondEnd(place: ChunkPlace): HeadwaterError {
  const came = place.chunkBytes === undefined ? 'more' : `${place.chunkBytes}`
  return new HeadwaterError(
    'bad_request',
    `The upload has ${place.lengthBytes} bytes and ${place.offsetBytes} of them are here, so at most ${place.lengthBytes - place.offsetBytes} can follow, not ${came}.`,
    { facts: { offsetBytes: place.offsetBytes, lengthBytes: place.lengthBytes } },
  )
}

/** Reads a blob again and holds it against its record: length, and the checksum of every block. */

import { BLOCK_BYTES, BlockChecksums } from '../../lib/block-checksums.ts'
import { isFailure } from '../../lib/failure.ts'
import type { BlobFacts, Blobs, Clock } from '../../ports.ts'
import type { Pace } from './pace.ts'
import type { Problem } from './report.ts'

/** What is wrong with a blob; `found`: a sentence. */
export type Damage = { readonly problem: Exclude<Problem, 'unrecorded'>; readonly found: string }

export type VerifyDeps = {
  readonly blobs: Pick<Blobs, 'reread'>
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly pace: Pace
  /** So many bytes more have been read. */
  readonly onBytes: (bytes: number) => void
}

/** Undefined when the blob is what was recorded. Throws the abort reason, or what else keeps the store from being read. */
export async function verifyBlob(
  deps: VerifyDeps,
  record: BlobFacts,
  signal: AbortSignal,
): Promise<Damage | undefined> {
  const sums = new BlockChecksums()
  const broken = await readThrough(deps, record.name, signal, (piece) => {
    sums.append(piece)
    return sums.lengthBytes <= record.sizeBytes
  })
  if (broken !== undefined) return broken
  const { lengthBytes } = sums
  if (lengthBytes > record.sizeBytes) {
    return { problem: 'length', found: `It has more than the ${record.sizeBytes} bytes that were recorded.` }
  }
  if (lengthBytes < record.sizeBytes) {
    return { problem: 'length', found: `It has ${lengthBytes} of ${record.sizeBytes} bytes.` }
  }
  return compareBlocks(sums.serialize(), record)
}

/** The whole of a blob, or why it cannot be had; `mostBytes`: what more is, is left out. */
export async function rereadWhole(
  deps: VerifyDeps,
  { name, mostBytes }: { readonly name: string; readonly mostBytes: number },
  signal: AbortSignal,
): Promise<Uint8Array | Damage> {
  const pieces: Uint8Array[] = []
  let sizeBytes = 0
  const broken = await readThrough(deps, name, signal, (piece) => {
    pieces.push(Uint8Array.from(piece))
    sizeBytes += piece.byteLength
    return sizeBytes <= mostBytes
  })
  return broken ?? Buffer.concat(pieces)
}

/** Gives every piece to `take` until that says false. */
async function readThrough(
  deps: VerifyDeps,
  name: string,
  signal: AbortSignal,
  take: (piece: Uint8Array) => boolean,
): Promise<Damage | undefined> {
  const { blobs, clock, pace, onBytes } = deps
  signal.throwIfAborted()
  let begunMs = clock.monotonicMs()
  try {
    for await (const piece of blobs.reread(name)) {
      const goesOn = take(piece)
      onBytes(piece.byteLength)
      await pace.rest({ bytes: piece.byteLength, tookMs: clock.monotonicMs() - begunMs }, signal)
      signal.throwIfAborted()
      if (!goesOn) break
      begunMs = clock.monotonicMs()
    }
  } catch (error) {
    if (isFailure(error, 'not_found')) return { problem: 'missing', found: 'It is not there.' }
    if (isFailure(error, 'blob_damaged')) return { problem: 'unreadable', found: error.message }
    throw error
  }
  return undefined
}

function compareBlocks(sums: Uint8Array, { sizeBytes, checksums }: BlobFacts): Damage | undefined {
  const blocks: number[] = []
  for (let block = 0; block * 4 < sums.byteLength; block += 1) {
    const at = block * 4
    if (Buffer.compare(sums.subarray(at, at + 4), checksums.subarray(at, at + 4)) !== 0) blocks.push(block)
  }
  const [first] = blocks
  if (first === undefined) return undefined
  const end = Math.min((first + 1) * BLOCK_BYTES, sizeBytes)
  const more = blocks.length === 1 ? '' : `, and ${blocks.length - 1} more blocks like that`
  return {
    problem: 'content',
    found: `Its bytes ${first * BLOCK_BYTES} to ${end - 1} are not what was recorded${more}.`,
  }
}

/** Blobs that are small enough to be held in memory. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Blobs } from '../../ports.ts'

/** All bytes of a blob. Throws `not_found` or `blob_damaged`. */
export async function readWhole(blobs: Pick<Blobs, 'open'>, name: string): Promise<Uint8Array> {
  const reader = await blobs.open(name)
  try {
    const bytes = new Uint8Array(reader.sizeBytes)
    const got = await reader.read(bytes, 0)
    if (got === bytes.byteLength) return bytes
    throw new HeadwaterError('blob_damaged', `Blob ${name} ended after ${got} of ${bytes.byteLength} bytes.`)
  } finally {
    await reader.close()
  }
}

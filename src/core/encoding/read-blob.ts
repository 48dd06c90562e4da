/** Blobs small enough to be read whole. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobName, Blobs } from '../../ports.ts'

/** The whole of a small blob. Throws `blob_damaged` when it is shorter than it says. */
export async function readBlob(blobs: Pick<Blobs, 'open'>, name: BlobName): Promise<Uint8Array> {
  const reader = await blobs.open(name)
  try {
    const bytes = new Uint8Array(reader.sizeBytes)
    const got = await reader.read(bytes, 0)
    if (got === bytes.byteLength) return bytes
    throw shortRead(name, bytes.byteLength, got)
  } finally {
    await reader.close()
  }
}

/** The failure of a blob that ended early. */
export function shortRead(name: BlobName, expected: number, got: number): HeadwaterError {
  return new HeadwaterError('blob_damaged', `${expected} bytes of ${name} were expected, ${got} came.`)
}

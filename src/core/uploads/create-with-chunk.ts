/** tus creation-with-upload: the first chunk comes with the creation (uploads.md §3.2). */

import { checkChunkLength } from './chunk-rules.ts'
import { createUpload, type NewUpload } from './create-upload.ts'
import { type Chunk, type ReceivedChunk, receiveChunk } from './receive-chunk.ts'
import { dropUpload } from './terminate-upload.ts'
import type { UploadDeps } from './upload.ts'

/**
 * Creates an upload and takes its first chunk. When the chunk is refused or breaks off no upload is left: the sender
 * never learns an address it could continue at. Throws what `createUpload` and `receiveChunk` throw.
 */
export async function createUploadWithChunk(
  deps: UploadDeps,
  request: NewUpload,
  chunk: Omit<Chunk, 'address' | 'offsetBytes'>,
  options: { signal: AbortSignal },
): Promise<ReceivedChunk> {
  checkChunkLength({ offsetBytes: 0, lengthBytes: request.lengthBytes, chunkBytes: chunk.chunkBytes })
  const upload = await createUpload(deps, request)
  const address = { id: upload.id, accountId: upload.direct ? null : upload.accountId }
  try {
    const received = await receiveChunk(deps, { address, offsetBytes: upload.offsetBytes, ...chunk }, options)
    if (!received.whole) await dropUpload(deps, received.upload)
    return received
  } catch (error) {
    await dropUpload(deps, upload)
    throw error
  }
}

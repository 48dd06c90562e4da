/** The rest of a file by the unmodified tus-js-client, which asks for the offset and goes on from there. */

import { createReadStream } from 'node:fs'
import { DetailedError, Upload } from 'tus-js-client'
import type { Access, ClientUpload } from './tus-lines.ts'

/** The smallest chunk that is not the last (uploads.md §2.1). */
const CHUNK_BYTES = 5 * 2 ** 20

/** An answer the server should not have given, as opposed to a connection that a fault has cut. */
export class Finding extends Error {
  readonly status: number

  constructor(status: number, text: string) {
    super(`tus-js-client was answered ${status}: ${text}`)
    this.status = status
  }
}

/**
 * Sends what the server does not have yet and notes what is acknowledged. Answers whether it came to the end; false =
 * the connection was cut. Throws `Finding` for an answer that is a refusal.
 */
export async function resumeFile(access: Access, upload: ClientUpload, path: string): Promise<boolean> {
  const file = createReadStream(path)
  try {
    await new Promise<void>((resolve, reject) => {
      const client = new Upload(file, {
        uploadUrl: access.url + upload.path,
        uploadSize: upload.lengthBytes,
        chunkSize: CHUNK_BYTES,
        retryDelays: null,
        headers: { Authorization: `Bearer ${access.token}` },
        onChunkComplete: (_, acceptedBytes) => {
          upload.acknowledgedBytes = Math.max(upload.acknowledgedBytes, acceptedBytes)
        },
        onError: reject,
        onSuccess: () => {
          // Also when the HEAD before said that there is nothing left to send.
          upload.acknowledgedBytes = upload.lengthBytes
          resolve()
        },
      })
      client.start()
    })
    return true
  } catch (error) {
    if (!(error instanceof DetailedError)) throw error
    const { originalResponse } = error
    if (originalResponse === null) return false
    throw new Finding(originalResponse.getStatus(), originalResponse.getBody())
  } finally {
    file.destroy()
  }
}

/**
 * Uploads a file of any size with tus-js-client, in chunks of 50 MiB. A cut connection is tried again; a second run with
 * the same file goes on where the first one was stopped.
 *
 *   npm install tus-js-client
 *   HEADWATER_PUBLIC_URL=… HEADWATER_ACCOUNT_ID=… HEADWATER_API_TOKEN=… node tus-node.mjs video.mp4
 */

import { createReadStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { FileUrlStorage, Upload } from 'tus-js-client'

const { HEADWATER_PUBLIC_URL, HEADWATER_ACCOUNT_ID, HEADWATER_API_TOKEN } = process.env
const file = process.argv[2] ?? 'video.mp4'

// Chunks are multiples of 256 KiB, between 5 and 200 MiB; each confirmed one is safe on the server's disk.
const chunkSize = Number(process.env.CHUNK_SIZE ?? 50 * 1024 * 1024)

const upload = new Upload(createReadStream(file), {
  endpoint: `${HEADWATER_PUBLIC_URL}/client/v4/accounts/${HEADWATER_ACCOUNT_ID}/stream`,
  headers: { Authorization: `Bearer ${HEADWATER_API_TOKEN}` },
  metadata: { name: basename(file) },
  chunkSize,
  retryDelays: [0, 500, 1000, 3000, 5000],
  urlStorage: new FileUrlStorage(join(tmpdir(), 'tus-uploads.json')),
  removeFingerprintOnSuccess: true,
  onAfterResponse(request, response) {
    const uid = response.getHeader('stream-media-id')
    if (uid) console.log(`video ${uid}`)
  },
  onChunkComplete: (_, accepted, total) => console.log(`${accepted} of ${total} bytes`),
  onSuccess: () => console.log('uploaded'),
  onError(error) {
    console.error(error.message)
    process.exitCode = 1
  },
})

const [unfinished] = await upload.findPreviousUploads()
if (unfinished) {
  console.log('going on where it was stopped')
  upload.resumeFromPreviousUpload(unfinished)
}
upload.start()

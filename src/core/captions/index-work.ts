/** Taking WebVTT apart beside the event loop: 10 MB of it take a tenth of a second. */

import type { ByteSource } from '../../media/isobmff/movie.ts'
import { readWebVtt, type WebVttIndex } from '../../media/webvtt/read-webvtt.ts'
import type { BlobName, Thread } from '../../ports.ts'

/** Name of the work; `commands/index-thread.ts` does it. */
const INDEX_WORK = 'indexWebVtt'

/** Checks the WebVTT in a draft. Throws what `readWebVtt` does. */
export async function indexDraft(thread: Thread, draft: string): Promise<void> {
  await thread.run(INDEX_WORK, null, { draft })
}

/** The index of the WebVTT in a blob. */
export async function indexBlob(thread: Thread, blob: BlobName): Promise<WebVttIndex> {
  return (await thread.run(INDEX_WORK, null, { blob })) as WebVttIndex
}

/** What the thread does: the index of the WebVTT that `source` is. Throws what `readWebVtt` does. */
export async function indexWebVtt(source: ByteSource): Promise<WebVttIndex> {
  const bytes = new Uint8Array(source.sizeBytes)
  return readWebVtt(bytes.subarray(0, await source.read(bytes, 0)))
}

/** Taking WebVTT apart beside the event loop: 10 MB of it take a tenth of a second. */

import type { ByteSource } from '../../media/isobmff/movie.ts'
import { type ReadOptions, readWebVtt, type WebVttIndex } from '../../media/webvtt/read-webvtt.ts'
import type { BlobName, Thread } from '../../ports.ts'

/** Name of the work; `commands/index-thread.ts` does it. */
const INDEX_WORK = 'indexWebVtt'

/** Checks the WebVTT in a draft. Throws what `readWebVtt` does. */
export async function indexDraft(thread: Thread, draft: string): Promise<void> {
  await thread.run(INDEX_WORK, {}, { draft })
}

/** The index of what a speech engine wrote into a draft, without the cues that end before they start. */
export async function indexHeard(thread: Thread, draft: string): Promise<WebVttIndex> {
  return (await thread.run(INDEX_WORK, { dropUnshown: true }, { draft })) as WebVttIndex
}

/** The index of the WebVTT in a blob. */
export async function indexCaptions(thread: Thread, blob: BlobName): Promise<WebVttIndex> {
  return (await thread.run(INDEX_WORK, {}, { blob })) as WebVttIndex
}

/** What the thread does: the index of the WebVTT that `source` is. Throws what `readWebVtt` does. */
export async function indexWebVtt(options: ReadOptions, source: ByteSource): Promise<WebVttIndex> {
  const bytes = new Uint8Array(source.sizeBytes)
  return readWebVtt(bytes.subarray(0, await source.read(bytes, 0)), options)
}

/** Captions that a program wrote, not a person: what would never be shown is left out before they are stored. */

import { wholeTrack } from '../../media/webvtt/cut-webvtt.ts'
import type { BlobFacts } from '../../ports.ts'
import { captionBlob } from '../blob-names.ts'
import type { Caption } from './caption.ts'
import { indexHeard } from './index-work.ts'
import type { CaptionDeps } from './put-caption.ts'

/** Checks and publishes the WebVTT; the caller records the blob. Throws `bad_request` for what is no WebVTT. */
export async function publishCues(
  deps: Pick<CaptionDeps, 'blobs' | 'thread'>,
  { videoUid, id }: Pick<Caption, 'videoUid' | 'id'>,
  written: Uint8Array,
): Promise<BlobFacts> {
  const draft = await deps.blobs.createDraft()
  let blob: BlobFacts | undefined
  try {
    await draft.append([written])
    const index = await indexHeard(deps.thread, draft.id)
    await draft.truncate(0)
    await draft.append([wholeTrack({ bytes: written, index })])
    blob = await draft.publish(captionBlob(videoUid, id))
    return blob
  } finally {
    if (blob === undefined) await draft.discard()
  }
}

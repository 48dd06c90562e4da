/** What a server tells a client of its stream (RTMP 1.0 §7.2.2): codes of Adobe's, sentences of ours. */

import { isFailure } from '../../lib/failure.ts'
import type { AmfValue } from '../../media/rtmp/amf-bytes.ts'
import { amfObject } from '../../media/rtmp/amf0.ts'

/** The information object of a status. */
export function statusOf(level: 'status' | 'error', code: string, description: string): AmfValue {
  return amfObject({ level, code, description })
}

/** The code for a refused publisher. */
export function publishCode(error: unknown): string {
  // Adobe's word for a name that somebody else publishes under.
  return isFailure(error, 'live_input_busy') ? 'NetStream.Publish.BadName' : 'NetStream.Publish.Denied'
}

/** The code for a refused player. */
export function playCode(error: unknown): string {
  const isAbsent = isFailure(error, 'live_not_started') || isFailure(error, 'live_key_unknown')
  return isAbsent ? 'NetStream.Play.StreamNotFound' : 'NetStream.Play.Failed'
}

/** What the far end may read of a failure: a sentence that was written for it, or none that tells of our insides. */
export function sentenceOf(error: unknown): string {
  return isFailure(error) && error.kind !== 'bug' ? error.message : 'The server could not take the stream.'
}

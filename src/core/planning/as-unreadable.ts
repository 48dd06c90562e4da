/** What a failed run of the decoder says about the file it was given. Pure. */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import { MEDIA_FAULTS } from '../../lib/media-faults.ts'
import { decoderFault, decoderLines } from '../faults/index.ts'

/** A decoder that gives up on a file says that the file is at fault; one that was stopped does not. */
export function asUnreadable(error: unknown): unknown {
  if (!isFailure(error, 'decoder_failed') || error.facts.reason !== 'exit') return error
  const stderr = String(error.facts.stderr ?? '')
  const missing = /Stream map '0:([Va]):\d+' matches no streams/.exec(stderr)?.[1]
  if (missing === 'V') {
    const sounds = /^ {2}Stream #0:\d+.*: Audio: /m.test(stderr)
    const sentence = `The file has no picture track, only ${sounds ? 'sound' : 'data'}.`
    return new HeadwaterError(sounds ? 'only_sound' : 'only_data', sentence, { cause: error })
  }
  if (missing === 'a') return new HeadwaterError('sound_missing', 'The file has no sound.', { cause: error })
  const fault = decoderFault(error.facts, 'container_damaged')
  if (fault === undefined) return error
  const said = decoderLines(stderr).at(-1)
  const sentence = MEDIA_FAULTS[fault].when
  return new HeadwaterError(
    fault,
    said === undefined ? sentence : `${sentence} The decoder said: ${said.replace(/\.$/, '')}.`,
    { cause: error },
  )
}

/** What a failed run of the decoder says about the file it was given. Pure. */

import { type FailureFacts, HeadwaterError, isFailure } from '../../lib/failure.ts'
import { MEDIA_FAULTS, type MediaFault } from '../../lib/media-faults.ts'
import { decoderFault, decoderLines } from '../faults/index.ts'

/** Ends of a run that the file is to blame for; `exit` may be anybody's. */
const OF_THE_FILE: readonly unknown[] = ['exit', 'pixels', 'streams', 'cpu']

/**
 * A decoder that gives up on a file, or finds more in it than it may, says that the file is at fault; one that was
 * stopped does not. `about`: what of the file was looked at.
 */
export function asUnreadable(error: unknown, about: 'picture' | 'sound' = 'picture'): unknown {
  if (!isFailure(error, 'decoder_failed') || !OF_THE_FILE.includes(error.facts.reason)) return error
  const stderr = String(error.facts.stderr ?? '')
  const missing = /Stream map '0:([Va]):\d+' matches no streams/.exec(stderr)?.[1]
  if (missing === 'V') {
    const sounds = /^ {2}Stream #0:\d+.*: Audio: /m.test(stderr)
    const sentence = `The file has no picture track, only ${sounds ? 'sound' : 'data'}.`
    return new HeadwaterError(sounds ? 'only_sound' : 'only_data', sentence, { cause: error })
  }
  if (missing === 'a') return new HeadwaterError('sound_missing', 'The file has no sound.', { cause: error })
  const fault = faultOf(error.facts, stderr, about)
  const said = decoderLines(stderr).at(-1)
  const sentence = MEDIA_FAULTS[fault].when
  return new HeadwaterError(
    fault,
    said === undefined ? sentence : `${sentence} The decoder said: ${said.replace(/[.!]$/, '')}.`,
    // It was at the first pictures.
    { ...(MEDIA_FAULTS[fault].stage === 'decode' ? { facts: { atSeconds: 0 } } : {}), cause: error },
  )
}

/** A file that could be opened, as a report of it shows, has a fault in its pictures or its sound. */
function faultOf(facts: FailureFacts, stderr: string, about: 'picture' | 'sound'): MediaFault {
  const opened = /^Input #0/m.test(stderr)
  const otherwise = opened ? 'pictures_undecodable' : 'container_damaged'
  // Nothing is encoded when a file is looked at, so whatever fails is the file's.
  const fault = decoderFault(facts, otherwise) ?? otherwise
  if (about === 'sound') return MEDIA_FAULTS[fault].stage === 'decode' ? 'sound_undecodable' : fault
  const shown = /Parsed_showinfo.*\bn: *\d/.test(stderr)
  return fault === 'pictures_mostly_damaged' && opened && !shown ? 'pictures_undecodable' : fault
}

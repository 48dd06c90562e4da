/** What a failed run of the decoder says about the file it was given. Pure. */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'

/** A decoder that gives up on a file says that the file is at fault (`media_…`); one that was stopped does not. */
export function asUnreadable(error: unknown): unknown {
  if (!isFailure(error, 'decoder_failed') || error.facts.reason !== 'exit') return error
  const stderr = String(error.facts.stderr ?? '')
  const missing = /Stream map '0:([Va]):\d+' matches no streams/.exec(stderr)?.[1]
  if (missing === 'V') {
    return new HeadwaterError('media_not_video', 'The file has no picture track.', { cause: error })
  }
  if (missing === 'a') return new HeadwaterError('media_unknown', 'The file has no sound.', { cause: error })
  const said = stderr
    .trimEnd()
    .split('\n')
    .filter((line) => /error|invalid|not found|could not|unsupported|unknown|failed|no /i.test(line))
    .at(-1)
  return new HeadwaterError(
    'media_malformed',
    `The file cannot be decoded: ${said?.trim() ?? 'the decoder gave up on it'}.`,
    { cause: error },
  )
}

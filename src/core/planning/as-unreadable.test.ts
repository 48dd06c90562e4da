import { describe, expect, test } from 'vitest'
import { HeadwaterError } from '../../lib/failure.ts'
import { asUnreadable } from './as-unreadable.ts'

function failed(stderr: string, facts: Record<string, string | number> = {}): HeadwaterError {
  return new HeadwaterError('decoder_failed', 'look at x: the decoder ended with 1', {
    facts: { reason: 'exit', exitCode: 1, stderr, ...facts },
  })
}

const OPENED = "Input #0, avi, from 'input':\n  Stream #0:0: Video: mpeg4\n"
const HEARD = "Input #0, ogg, from 'input':\n  Stream #0:0: Audio: opus, 48000 Hz, mono\n"
const NO_PICTURE = "Stream map '0:V:0' matches no streams."

describe('a look at a file that fails', () => {
  test.each([
    [
      'nothing opened',
      'input: Invalid data found when processing input',
      'container_damaged',
      /Invalid data/,
    ],
    [
      'opened, nothing decoded',
      `${OPENED}[mpeg4] header damaged error\nConversion failed!`,
      'pictures_undecodable',
      /header damaged/,
    ],
    [
      'no decoder',
      `${OPENED}Decoder (codec avs2) not found for input stream #0:0`,
      'codec_unsupported',
      /avs2/,
    ],
    ['sound only', HEARD + NO_PICTURE, 'only_sound', /only sound/],
    ['no tracks', NO_PICTURE, 'only_data', /only data/],
    [
      'what would be our fault in an encode',
      `${OPENED}Error while opening encoder`,
      'pictures_undecodable',
      /encoder/,
    ],
  ] as const)('%s', (_, stderr, code, sentence) => {
    const error = failed(stderr)
    expect(asUnreadable(error)).toMatchObject({
      code,
      kind: 'media',
      cause: error,
      message: expect.stringMatching(sentence),
    })
  })

  test.each([
    [`${HEARD}[opus] Error parsing the packet header`, 'sound_undecodable'],
    ["Stream map '0:a:0' matches no streams.", 'sound_missing'],
    ['input: Invalid data found when processing input', 'container_damaged'],
  ] as const)('of sound, %j: %s', (stderr, code) => {
    expect(asUnreadable(failed(stderr), 'sound')).toMatchObject({ code })
  })

  test('is not the file’s fault when the run was stopped', () => {
    const stopped = failed('', { reason: 'wall' })
    expect(asUnreadable(stopped)).toBe(stopped)
  })
})

import { describe, expect, test } from 'vitest'
import { HeadwaterError } from '../../lib/failure.ts'
import { isMediaFault, MEDIA_FAULTS, type MediaFault } from '../../lib/media-faults.ts'
import { adviceFor } from './advice.ts'
import { decoderFault } from './decoder-faults.ts'
import { decoderLines } from './decoder-words.ts'
import { explainFailure } from './explain-failure.ts'

describe('a run that failed', () => {
  const limits: readonly (readonly [string, MediaFault])[] = [
    ['wall', 'decoding_too_slow'],
    ['cpu', 'decoding_too_slow'],
    ['stall', 'decoding_stuck'],
    ['memory', 'decoding_memory'],
    ['output', 'decoding_output'],
    ['frames', 'too_many_pictures'],
    ['pixels', 'picture_too_large'],
    ['short', 'pictures_unfinished'],
  ]
  test.each(limits)('by its limit %s: %s', (reason, code) => {
    expect(decoderFault({ reason, stderr: '' })).toBe(code)
  })

  const words: readonly (readonly [string, MediaFault])[] = [
    ['[mov,mp4] moov atom not found\ninput: Invalid data found when processing input', 'mp4_index_missing'],
    ['[mxf] no essence', 'mxf_essence_missing'],
    ['Decoder (codec none) not found for input stream #0:0', 'codec_unknown'],
    ['Decoder (codec avs2) not found for input stream #0:0', 'codec_unsupported'],
    ['[rawvideo] Picture size 0x0 is invalid', 'picture_size_invalid'],
    ['[h264] non-existing PPS 0 referenced\n[h264] no frame!', 'parameter_sets_missing'],
    ['[h264] Decoding sps 0 from avcC failed', 'codec_config_broken'],
    ['[av1] Missing Sequence Header.', 'parameter_sets_missing'],
    ['[vp8] Discarding interframe without a prior keyframe!', 'key_picture_missing'],
    ['Error while filtering: Cannot allocate memory', 'decoding_memory'],
    ['input: Invalid data found when processing input', 'decoder_gave_up'],
    ['', 'decoder_gave_up'],
  ]
  test.each(words)('by its words %j: %s', (stderr, code) => {
    expect(decoderFault({ reason: 'exit', exitCode: 1, stderr })).toBe(code)
  })

  test.each([
    ['SIGSEGV', null, 'decoder_crashed'],
    [null, 139, 'decoder_crashed'],
    ['SIGKILL', null, 'decoding_memory'],
    [null, 69, 'pictures_mostly_damaged'],
  ] as const)('by how it ended, %s and %s: %s', (signal, exitCode, code) => {
    expect(decoderFault({ reason: 'exit', signal, exitCode, stderr: '' })).toBe(code)
  })

  test.each([
    [{ reason: 'exit', exitCode: 1, stderr: "Unknown encoder 'libx264'" }],
    [{ reason: 'header', stderr: '' }],
    [{ planned: 'ffmpeg 5', present: 'ffmpeg 8' }],
  ])('for a fault of ours, %j, does not blame the file', (facts) => {
    expect(decoderFault(facts)).toBeUndefined()
    const error = new HeadwaterError('decoder_failed', 'It failed.', { facts })
    const explained = explainFailure(error, { stage: 'encode', unexpected: '' })
    expect(explained).toMatchObject({ reasonCode: 'ERR_UNKNOWN', detail: { code: 'decoder_failed' } })
    expect(adviceFor(explained.detail.code)).toContain('not at fault')
  })

  test('is explained with place, words and the meaning for the file', () => {
    const facts = { reason: 'wall', task: 'chunk 4 of 0123', stderr: '[h264] no frame!' }
    const error = new HeadwaterError('decoder_failed', 'chunk 4 of 0123: stopped after 60 s.', { facts })
    const at = { stage: 'encode', exactly: true, atSeconds: 12, unexpected: '' } as const
    expect(explainFailure(error, at)).toEqual({
      reasonCode: 'ERR_MALFORMED_VIDEO',
      detail: {
        code: 'decoding_too_slow',
        stage: 'encode',
        detail: MEDIA_FAULTS.decoding_too_slow.when,
        position: { seconds: 12 },
        decoder: ['[h264] no frame!'],
      },
    })
  })
})

describe('the decoder’s words', () => {
  test('lose paths, addresses and control characters', () => {
    const said = [
      '[mov,mp4 @ 0x55d0c8f0a2c0] Could not open /var/lib/headwater/blobs/ab/cdef: error',
      'file:/srv/data/sources/1: Invalid data',
      'Failed to reach http://user:pass@10.0.0.7:8080/x or 192.168.1.4:99',
      'pointer 0x7ffd12345678 is invalid',
      'title \u001b[31mred\u0007\u202etxt.exe',
    ].join('\n')
    const lines = decoderLines(said)
    expect(lines).toEqual([
      '[mov,mp4] Could not open …: error',
      '… Invalid data',
      'Failed to reach … or …',
      'pointer … is invalid',
      'title  [31mred txt.exe',
    ])
  })

  test('are the last six, each once and at most 240 characters long', () => {
    const many = Array.from({ length: 50 }, (_, index) => `error ${index % 9}${'x'.repeat(1000)}`)
    const lines = decoderLines(many.join('\n'))
    expect(lines).toHaveLength(6)
    expect(new Set(lines).size).toBe(6)
    expect(Math.max(...lines.map(({ length }) => length))).toBe(240)
  })

  test('are complaints only where it described the file', () => {
    const report = [
      "Input #0, mov,mp4, from 'input':",
      '    title           : error: not found',
      '  Duration: 00:00:02.00',
      '  Stream #0:0: Video: h264',
      '[h264] Error splitting the input into NAL units.',
      'Conversion failed!',
    ]
    expect(decoderLines(report.join('\n'))).toEqual(['[h264] Error splitting the input into NAL units.'])
  })
})

describe('the list of faults', () => {
  test('has whole sentences for people, and none twice', () => {
    const rows = Object.values(MEDIA_FAULTS)
    for (const { when, advice } of rows) {
      expect(when).toMatch(/^[A-Z].+[^.]\.$/)
      expect(advice).toMatch(/^[A-Z].+[^.]\.$/)
    }
    expect(new Set(rows.map(({ when }) => when)).size).toBe(rows.length)
    expect(isMediaFault('constructor')).toBe(false)
  })

  test('gives advice for codes of other versions, too', () => {
    expect(adviceFor('media_of_long_ago')).toContain('Try the video again')
    expect(adviceFor('toString')).toContain('Try the video again')
  })
})

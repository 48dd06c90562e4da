import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { readAudioSpecificConfig, silentAacFrame } from './aac.ts'

const hex = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'hex'))

describe('AudioSpecificConfig', () => {
  const lc = { objectType: 2, sbr: false, ps: false, frameSamples: 1024, codec: 'mp4a.40.2' }
  test.each<[string, string, object]>([
    ['LC, 48 kHz, stereo', '1190', { ...lc, sampleRate: 48_000, outputSampleRate: 48_000, channels: 2 }],
    ['LC, 44.1 kHz, 5.1, no SBR said', '123056e500', { ...lc, sampleRate: 44_100, channels: 6 }],
    [
      'LC, 6 channels by a program config element',
      '1200050808002008840d4c61766335392e33372e31303056e500',
      { ...lc, channels: 6 },
    ],
    [
      'LC, 3 channels by a program config element',
      '12000504010020000d4c61766335392e33372e31303056e500',
      { ...lc, channels: 3 },
    ],
    ['LC, an explicit rate of 50 kHz', '178061a810', { ...lc, sampleRate: 50_000, channels: 2 }],
    ['LC, frames of 960', '1194', { ...lc, frameSamples: 960 }],
    [
      'HE-AAC, backward compatible',
      '139056e5a0',
      {
        objectType: 2,
        sbr: true,
        ps: false,
        sampleRate: 22_050,
        outputSampleRate: 44_100,
        channels: 2,
        codec: 'mp4a.40.5',
      },
    ],
    [
      'HE-AAC v2, explicit',
      'eb098800',
      {
        objectType: 2,
        sbr: true,
        ps: true,
        sampleRate: 24_000,
        outputSampleRate: 48_000,
        channels: 1,
        codec: 'mp4a.40.29',
      },
    ],
    ['xHE-AAC', 'f9464010', { objectType: 42, codec: 'mp4a.40.42' }],
  ])('%s', (_, config, facts) => {
    expect(readAudioSpecificConfig(hex(config))).toMatchObject(facts)
  })

  test.each<[string, string, RegExp]>([
    ['nothing', '', /ends before its fields do/],
    ['a reserved sample rate', '1690', /no known sample rate \(index 13\)/],
    ['a program config element cut short', '1200', /ends before its fields do/],
  ])('refused: %s', (_, config, sentence) => {
    expect(() => readAudioSpecificConfig(hex(config))).toThrow(sentence)
  })
})

describe('silent frames', () => {
  test.each([
    { channels: 1, rateIndex: 3 },
    { channels: 2, rateIndex: 4 },
  ] as const)('decode to zeros: $channels channels, rate index $rateIndex', ({ channels, rateIndex }) => {
    const frame = silentAacFrame(channels)
    const stream = Buffer.concat(
      Array.from({ length: 5 }, () => [adtsHeader(frame, rateIndex, channels), frame]).flat(),
    )
    const args = ['-v', 'error', '-xerror', '-f', 'aac', '-i', 'pipe:0', '-f', 's16le', '-']
    const pcm = execFileSync('ffmpeg', args, { input: stream })
    expect(pcm.byteLength).toBe(5 * 1024 * 2 * channels)
    expect(pcm.every((byte) => byte === 0)).toBe(true)
  })
})

/** ISO/IEC 13818-7 §6.2: LC, no checksum, one frame. */
function adtsHeader(frame: Uint8Array, rateIndex: number, channels: number): Uint8Array {
  const length = frame.byteLength + 7
  return Uint8Array.from([
    0xff,
    0xf1,
    0x40 | (rateIndex << 2),
    (channels << 6) | (length >> 11),
    (length >> 3) & 0xff,
    ((length & 7) << 5) | 0x1f,
    0xfc,
  ])
}

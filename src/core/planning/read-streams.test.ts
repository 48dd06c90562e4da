import { expect, test } from 'vitest'
import { readStreams } from './read-streams.ts'

const REPORT = `Input #0, matroska,webm, from 'input':
  Metadata:
    title           : of the file
  Duration: 00:00:09.00, start: 2.500000, bitrate: 200 kb/s
  Stream #0:0: Video: h264 (High), yuv420p(progressive), 160x90, 25 fps (default)
    Metadata:
      title           : of the picture
  Stream #0:1(ger): Audio: aac (LC), 48000 Hz, stereo, fltp (default)
    Metadata:
      title           : Tonspur: Deutsch
      DURATION        : 00:00:09.000000000
  Stream #0:2[0x3](und): Audio: ac3, 48000 Hz, 5.1(side), fltp, 384 kb/s
  Stream #0:3(eng): Audio: none (wvpk / 0x6B707677), 0 channels
  Stream #0:4(pt-BR): Subtitle: subrip (default) (forced)
  Stream #0:5(chi): Subtitle: hdmv_pgs_subtitle
  Stream #0:6: Attachment: ttf
Output #0, null, to 'pipe:':
  Stream #0:0(fre): Audio: pcm_s16le, 48000 Hz, stereo
`

test('sound and text are numbered by their kind, with language, title and what the decoder knows of them', () => {
  const base = { title: null, forced: false, channels: null }
  expect(readStreams(REPORT)).toEqual([
    {
      ...base,
      kind: 'sound',
      number: 0,
      codec: 'aac',
      language: 'de',
      title: 'Tonspur: Deutsch',
      channels: 2,
    },
    { ...base, kind: 'sound', number: 1, codec: 'ac3', language: null, channels: 6 },
    { ...base, kind: 'sound', number: 2, codec: 'none', language: 'en' },
    { ...base, kind: 'text', number: 0, codec: 'subrip', language: 'pt-BR', forced: true },
    { ...base, kind: 'text', number: 1, codec: 'hdmv_pgs_subtitle', language: 'zh' },
  ])
})

test.each(['', 'Stream #0:0: Audio: aac', '  Stream #0:0(((: Audio: aac', '  Stream #0:9: Subtitle: '])(
  'nothing is thrown for %j',
  (report) => {
    expect(readStreams(report).length).toBeLessThanOrEqual(1)
  },
)

import { describe, expect, test } from 'vitest'
import { formatMultivariant, type MultivariantPlaylist, type Variant } from './multivariant.ts'

const variant: Variant = {
  bandwidthBps: 1_200_000.2,
  averageBandwidthBps: 900_000,
  width: 640,
  height: 360,
  frameRate: 30_000 / 1001,
  codecs: ['avc1.4d401e', 'mp4a.40.2'],
  score: 1,
  audioGroup: 'group_audio',
  uri: 'r360.m3u8',
}

const table: { name: string; playlist: MultivariantPlaylist; text: string }[] = [
  {
    name: 'sound in a group of its own',
    playlist: {
      version: 6,
      media: [
        {
          type: 'AUDIO',
          groupId: 'group_audio',
          name: 'original',
          language: 'und',
          isDefault: true,
          uri: 'a.m3u8',
        },
      ],
      variants: [variant, { ...variant, bandwidthBps: 5_000_000, score: 2, uri: 'r720.m3u8' }],
    },
    text: `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="group_audio",NAME="original",LANGUAGE="und",DEFAULT=YES,AUTOSELECT=YES,URI="a.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1200001,AVERAGE-BANDWIDTH=900000,RESOLUTION=640x360,FRAME-RATE=29.970,CODECS="avc1.4d401e,mp4a.40.2",SCORE=1.0,AUDIO="group_audio",CLOSED-CAPTIONS=NONE
r360.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=5000000,AVERAGE-BANDWIDTH=900000,RESOLUTION=640x360,FRAME-RATE=29.970,CODECS="avc1.4d401e,mp4a.40.2",SCORE=2.0,AUDIO="group_audio",CLOSED-CAPTIONS=NONE
r720.m3u8
`,
  },
  {
    name: 'no sound',
    playlist: {
      version: 6,
      media: [],
      variants: [{ ...variant, audioGroup: undefined, codecs: ['avc1.42001e'] }],
    },
    text: `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=1200001,AVERAGE-BANDWIDTH=900000,RESOLUTION=640x360,FRAME-RATE=29.970,CODECS="avc1.42001e",SCORE=1.0,CLOSED-CAPTIONS=NONE
r360.m3u8
`,
  },
  {
    name: 'subtitles, and names that try to break out of their place',
    playlist: {
      version: 8,
      media: [
        {
          type: 'SUBTITLES',
          groupId: 'subs',
          name: 'say "hi"\r\n#EXT-X-ENDLIST',
          language: 'en',
          isDefault: false,
          uri: 'en.m3u8',
        },
      ],
      variants: [{ ...variant, subtitlesGroup: 'subs', uri: 'a\nb.m3u8' }],
    },
    text: `#EXTM3U
#EXT-X-VERSION:8
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="say 'hi'  #EXT-X-ENDLIST",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="en.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1200001,AVERAGE-BANDWIDTH=900000,RESOLUTION=640x360,FRAME-RATE=29.970,CODECS="avc1.4d401e,mp4a.40.2",SCORE=1.0,AUDIO="group_audio",SUBTITLES="subs",CLOSED-CAPTIONS=NONE
a b.m3u8
`,
  },
]

describe('a multivariant playlist', () => {
  test.each(table)('is written byte for byte: $name', ({ playlist, text }) => {
    expect(formatMultivariant(playlist)).toBe(text)
  })
})

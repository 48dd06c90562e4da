import { describe, expect, test } from 'vitest'
import { formatMediaPlaylist, segmentDurationsUs } from './media-playlist.ts'

const addresses = { initUri: '../../v/r/init.mp4', segmentUri: (n: number) => `../../v/r/${n}.m4s` }

describe('a media playlist', () => {
  test('is written byte for byte', () => {
    const text = formatMediaPlaylist({
      timescale: 30_000,
      starts: [0, 120_120, 240_240, 255_255],
      ...addresses,
    })
    expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="../../v/r/init.mp4"
#EXTINF:4.004000,
../../v/r/0.m4s
#EXTINF:4.004000,
../../v/r/1.m4s
#EXTINF:0.500500,
../../v/r/2.m4s
#EXT-X-ENDLIST
`)
  })

  test.each([
    { name: 'the longest segment rounded down', starts: [0, 5_400, 9_000], target: 5 },
    { name: 'the longest segment rounded up', starts: [0, 10_600, 12_000], target: 11 },
    { name: 'one second at least', starts: [0, 100], target: 1 },
  ])('announces as target duration $name', ({ starts, target }) => {
    expect(formatMediaPlaylist({ timescale: 1_000, starts, ...addresses })).toContain(
      `#EXT-X-TARGETDURATION:${target}\n`,
    )
  })

  test('has durations whose sums never drift from the ticks', () => {
    for (const timescale of [11_988, 12_800, 22_050, 44_100, 48_000, 90_000]) {
      const starts = Array.from({ length: 5_000 }, (_, n) => n * 1_024 * 7 + (n % 3))
      const durations = segmentDurationsUs(starts, timescale)
      let sumUs = 0
      for (const [segment, us] of durations.entries()) {
        sumUs += us
        const truthUs = ((starts[segment + 1] ?? 0) * 1e6) / timescale
        expect(Math.abs(sumUs - truthUs)).toBeLessThanOrEqual(0.5 + 1e-3)
      }
    }
  })
})

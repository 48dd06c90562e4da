import { describe, expect, test } from 'vitest'
import { readPacketList } from './packet-times.ts'
import { readReport } from './read-report.ts'

/** Parts of what ffmpeg 5.1 and 7.0 really print. */
const HDR = `Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'input':
  Metadata:
    title           :   Stream #0:9: Video: h264, 1x1
  Duration: 01:02:03.50, start: 0.000000, bitrate: 670 kb/s
  Stream #0:0[0x1]: Video: hevc (Main 10) (hev1 / 0x31766568), yuv420p10le(tv, bt2020nc/bt2020/smpte2084, progressive), 320x240 [SAR 1:1 DAR 4:3], 185 kb/s, 25 fps, 25 tbr, 12800 tbn (default)
    Side data:
      displaymatrix: rotation of -90.00 degrees
  Stream #0:1[0x2]: Audio: ac3 (ac-3 / 0x332D6361), 44100 Hz, 5.1(side), fltp, 448 kb/s (default)
Stream mapping:
  Stream #0:0 -> #0:0 (hevc (native) -> wrapped_avframe (native))
[Parsed_showinfo_0] n:   0 pts:      0 pts_time:0       fmt:yuv420p10le sar:1/1 s:320x240 i:P iskey:1 type:I
Output #0, null, to 'pipe:':
  Stream #0:0: Video: wrapped_avframe, yuv420p10le, 320x240
`
const OLD = `Input #0, mpeg, from 'input':
  Duration: 00:00:10.00, start: 0.540000, bitrate: 2463 kb/s
  Stream #0:0[0x1c0]: Audio: mp2, 48000 Hz, mono, s16p, 384 kb/s
  Stream #0:1[0x1e0]: Video: mpeg2video (Main), yuv420p(tv, top first), 720x576 [SAR 64:45 DAR 16:9], 25 fps, 25 tbr, 90k tbn
Stream mapping:
[Parsed_showinfo_0] n:   0 pts:  48600 fmt:yuv420p sar:64/45 s:720x576 i:T iskey:1 type:I
`

describe("the decoder's report", () => {
  test('tells of HDR, turning and surround sound', () => {
    expect(readReport(HDR)).toEqual({
      durationSeconds: 3723.5,
      further: false,
      picture: {
        stream: 0,
        codec: 'hevc',
        width: 320,
        height: 240,
        pixelAspect: { num: 1, den: 1 },
        bitDepth: 10,
        transfer: 'pq',
        saysBt709: false,
        interlaced: false,
        rotation: 90,
      },
      sound: { stream: 1, codec: 'ac3', sampleRate: 44_100, channels: 6 },
    })
  })

  test.each([
    ['yuv420p(tv, bt709, progressive)', true],
    ['yuv420p(bt709/bt470bg/gamma28)', true],
    ['yuv420p(tv, smpte170m/bt709/bt709)', false],
    ['yuv420p(tv)', false],
  ])('tells of colours: %s', (format, saysBt709) => {
    const text = OLD.replace(/yuv420p\([^)]*\)|yuv420p(?=,)/, format)
    expect(text).toContain(format)
    expect(readReport(text).picture?.saysBt709).toBe(saysBt709)
  })

  test('tells of fields and wide pixels', () => {
    expect(readReport(OLD)).toMatchObject({
      picture: {
        stream: 1,
        codec: 'mpeg2video',
        interlaced: true,
        pixelAspect: { num: 64, den: 45 },
        rotation: 0,
      },
      sound: { codec: 'mp2', channels: 1 },
    })
  })

  test.each([
    ['nothing', ''],
    ['noise', '\u0000 Stream # Video: , x \n Duration: N/A'],
    ['a cover picture only', '  Stream #0:0: Video: mjpeg, yuvj420p, 600x600, 90k tbr (attached pic)\n'],
  ])('of %s has no picture', (_name, text) => {
    expect(readReport(text)).toMatchObject({ picture: null, sound: null, durationSeconds: null })
  })
})

describe('a list of packets', () => {
  test('gives times from 0, in order, with the end and the origin', () => {
    const list =
      '#tb 0: 1/1000\n0, 500, 540, 40, 10, 0x0\n0, 540, 620, 40, 10, 0x0\n0, 580, 580, 40, 10, 0x0\n'
    const times = readPacketList(list)
    expect([...(times?.sorted ?? [])]).toEqual([0, 40, 80])
    expect(times).toMatchObject({ timescale: 1000, endTicks: 120, originUs: 540_000 })
  })

  test('uses decode times where there are no others, and an average where nothing lasts', () => {
    const times = readPacketList(
      '#tb 0: 1/25\n0, 0, NOPTS, 0, 10, 0x0\n0, 1, -9223372036854775808, 0, 10, 0x0\n',
    )
    expect(times).toMatchObject({ timescale: 25, endTicks: 2, originUs: 0 })
  })

  test('without a single time is none', () => {
    expect(readPacketList('#tb 0: 1/25\n0, NOPTS, NOPTS, 0, 10, 0x0\n')).toBeUndefined()
    expect(readPacketList('')).toBeUndefined()
  })
})

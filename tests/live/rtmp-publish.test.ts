/** Real publishers against the RTMP and RTMPS server: what was sent arrives whole, and refusals say why. */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCertificate } from '../../src/adapters/rtmp/certificate.ts'
import { openRtmpServer } from '../../src/adapters/rtmp/server.ts'
import { silentLog } from '../../src/lib/log.ts'
import { concatBytes } from '../../src/media/isobmff/write-boxes.ts'
import { NAL, nalType, splitNalUnits } from '../../src/media/mpegts/annexb.ts'
import type { LiveServer } from '../../src/live-ports.ts'
import { ffmpeg, makeFilm, publishByGstreamer, publishFilm } from './rtmp-programs.ts'
import { PUBLISH_KEY, type Published, TestDoor } from './test-door.ts'

const door = new TestDoor()
let folder = ''
let film = ''
let server: LiveServer
let rtmp = ''
let rtmps = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-rtmp-'))
  film = await makeFilm(join(folder, 'film.mp4'))
  const certificate = await openCertificate({ dataDir: folder, files: null, nowMs: Date.now() })
  server = await openRtmpServer({
    door,
    log: silentLog,
    host: '127.0.0.1',
    port: 0,
    rtmps: { port: 0, readCertificate: async () => await Promise.resolve(certificate) },
  })
  rtmp = `rtmp://127.0.0.1:${server.ports['rtmp']}/live`
  rtmps = `rtmps://127.0.0.1:${server.ports['rtmps']}/live`
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

async function publish(address: string, tracks?: readonly string[]): Promise<Published> {
  const coming = door.next()
  await publishFilm(film, address, tracks)
  const published = await coming
  expect(await published.ended).toEqual({ how: 'clean', why: undefined })
  return published
}

/** Annex B of all pictures, as another program takes them out of the film. */
async function elementaryStream(): Promise<Buffer> {
  const file = join(folder, 'film.h264')
  await ffmpeg('-i', film, '-map', '0:v', '-c', 'copy', '-bsf:v', 'h264_mp4toannexb', '-y', file)
  return await readFile(file)
}

describe('ffmpeg publishes', () => {
  test.each([
    ['RTMP', () => `${rtmp}/${PUBLISH_KEY}`],
    ['RTMPS', () => `${rtmps}/${PUBLISH_KEY}`],
    ['RTMP with a slash behind the key', () => `${rtmp}/${PUBLISH_KEY}/`],
    ['RTMP with a query behind the key', () => `${rtmp}/${PUBLISH_KEY}?backup=1`],
    ['RTMP with the key as application', () => `${rtmp}/${PUBLISH_KEY}/stream`],
  ])('pictures and sound by %s', async (_, address) => {
    const published = await publish(address())
    expect(published.formats).toEqual([
      expect.objectContaining({ kind: 'video', codec: 'avc', width: 320, height: 180 }),
      expect.objectContaining({ kind: 'audio', codec: 'aac', sampleRate: 48_000, channels: 2 }),
    ])
    const pictures = published.of('video')
    expect(pictures.length).toBe(75)
    expect(pictures.filter(({ isSync }) => isSync).length).toBe(3)
    expect(pictures.some(({ pts, dts }) => pts - dts === 3 * 3_600)).toBe(true)
    // 3 s of 1,024 samples, and what the encoder begins with.
    expect(published.of('audio').length).toBe(142)
    expect(published.caller).toMatchObject({ protocol: 'rtmp', key: PUBLISH_KEY, remote: '127.0.0.1' })
  })

  test('every byte of the pictures is there', async () => {
    const published = await publish(`${rtmp}/${PUBLISH_KEY}`)
    const arrived = concatBytes(published.of('video').flatMap(({ data }) => withoutLengths(data)))
    const sent = splitNalUnits(await elementaryStream()).filter(
      (unit) => nalType(unit) !== NAL.sps && nalType(unit) !== NAL.pps,
    )
    expect(Buffer.compare(arrived, concatBytes(sent))).toBe(0)
  })

  test('sound only', async () => {
    const published = await publish(`${rtmp}/${PUBLISH_KEY}`, ['-vn', '-c', 'copy'])
    expect(published.formats.map(({ kind }) => kind)).toEqual(['audio'])
    expect(published.of('audio').length).toBe(142)
    expect(published.of('video')).toEqual([])
  })

  test('pictures only, without reordering', async () => {
    const published = await publish(
      `${rtmp}/${PUBLISH_KEY}`,
      '-an -c:v libx264 -preset ultrafast -bf 0 -g 25'.split(' '),
    )
    expect(published.formats.map(({ kind }) => kind)).toEqual(['video'])
    expect(published.of('video').length).toBe(75)
    expect(published.of('video').every(({ pts, dts }) => pts === dts)).toBe(true)
  })
})

describe('GStreamer publishes', () => {
  test.each([
    ['rtmpsink', () => `${rtmp}/${PUBLISH_KEY} live=1`],
    ['rtmp2sink', () => `${rtmp}/${PUBLISH_KEY}`],
  ] as const)('%s', async (sink, address) => {
    const coming = door.next()
    await publishByGstreamer(sink, address())
    const published = await coming
    expect((await published.ended).how).toBe('clean')
    expect(published.formats).toEqual([
      expect.objectContaining({ kind: 'video', width: 320, height: 180 }),
      expect.objectContaining({ kind: 'audio', sampleRate: 44_100, channels: 2 }),
    ])
    expect(published.of('video').length).toBe(25)
    expect(published.of('audio').length).toBe(44)
  })
})

describe('refused, with a sentence that ffmpeg shows', () => {
  test('an unknown key', async () => {
    await expect(publishFilm(film, `${rtmp}/0123`)).rejects.toMatchObject({
      stderr: expect.stringContaining('Server error: There is no live input with this key.'),
    })
  })

  test('a disabled input', async () => {
    door.isEnabled = false
    await expect(publishFilm(film, `${rtmps}/${PUBLISH_KEY}`)).rejects.toMatchObject({
      stderr: expect.stringContaining('The live input is disabled.'),
    })
    door.isEnabled = true
  })

  test('a codec other than AAC', async () => {
    const coming = door.next()
    // It may have sent all of the short film before it reads the refusal.
    await publishFilm(film, `${rtmp}/${PUBLISH_KEY}`, '-vn -c:a libmp3lame -ar 44100'.split(' ')).catch(
      () => {},
    )
    const { ended } = await coming
    expect(await ended).toMatchObject({
      how: 'lost',
      why: { code: 'live_audio_codec_unsupported', facts: { audioCodec: 'MP3' } },
    })
  })
})

function withoutLengths(data: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = []
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  for (let at = 0; at < data.byteLength; at += 4 + view.getUint32(at)) {
    units.push(data.subarray(at + 4, at + 4 + view.getUint32(at)))
  }
  return units
}

/** A broadcast as players ask for it over HTTP: playlists that wait, parts, segments, windows, protection, and its end. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as hlsParser from 'hls-parser'
import { Parser } from 'm3u8-parser'
import { parse as parseMpd } from 'mpd-parser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AccessUnit } from '../../src/media/live/units.ts'
import { type LiveBroadcast, type LiveServer, startLiveServer } from './live-server.ts'
import { type LiveFilm, later, makeFilm, readFilm } from './live-units.ts'

let folder: string
let server: LiveServer
/** Six seconds: groups of two, 25 pictures a second with B-frames, stereo. */
let film: LiveFilm
/** A stream without B-frames whose pictures are smaller. */
let other: LiveFilm

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-live-'))
  await makeFilm(join(folder, 'film.mp4'), { seconds: 6 })
  await makeFilm(join(folder, 'other.mp4'), { seconds: 6, size: '160x90', picture: ['-g', '50', '-bf', '0'] })
  film = await readFilm(join(folder, 'film.mp4'))
  other = await readFilm(join(folder, 'other.mp4'))
  server = await startLiveServer()
})

afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const TICKS = 90_000
/** Longer than a film, since its last sound may end after its last picture. */
const FILM_SECONDS = 6

/** `seconds` of the film over and over, as one stream. */
function repeated(seconds: number, from: LiveFilm = film): AccessUnit[] {
  const times = Math.ceil(seconds / FILM_SECONDS)
  const all = Array.from({ length: times }, (_, time) =>
    later(from.units, time * FILM_SECONDS * TICKS),
  ).flat()
  return all.filter(({ dts }) => dts < seconds * TICKS).toSorted((a, b) => a.dts - b.dts)
}

/** A broadcast that has sent this many seconds. */
async function live(seconds: number, options: Parameters<LiveServer['begin']>[1] & { rules?: object } = {}) {
  const input = server.addInput(options.rules)
  const broadcast = await server.begin(input, options)
  for (const format of [film.video, film.audio]) if (format !== null) broadcast.package.format(format)
  send(broadcast, repeated(seconds))
  return { input, broadcast, pack: broadcast.package, id: input.uid }
}

function send({ package: pack }: LiveBroadcast, units: readonly AccessUnit[]): void {
  for (const unit of units) pack.unit(unit)
}

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${server.url}${path}`, { headers })
const text = async (path: string) => (await get(path)).text()
const linesOf = (playlist: string) => playlist.trimEnd().split('\n')

describe('an input', () => {
  test('answers 204 without a body while it is idle, and 404 for what is no input', async () => {
    const { uid } = server.addInput()
    for (const name of ['video.m3u8', 'video.mpd', 'anything.m3u8']) {
      const answer = await get(`/${uid}/manifest/${name}`)
      expect([answer.status, await answer.text()]).toEqual([204, ''])
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    }
    expect((await get(`/${'0'.repeat(32)}/manifest/video.m3u8`)).status).toBe(404)
    expect((await get(`/${uid}/abc/1.m4s`)).status).toBe(404)
  })

  test('plays by its own uid and by that of the broadcast’s video', async () => {
    const { id, broadcast, pack } = await live(5)
    for (const name of [id, broadcast.videoUid]) {
      const master = linesOf(await text(`/${name}/manifest/video.m3u8`))
      expect(master.slice(0, 3)).toEqual(['#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-INDEPENDENT-SEGMENTS'])
      expect(master[3]).toContain(`GROUP-ID="group_audio",NAME="original"`)
      expect(master[4]).toMatch(
        /RESOLUTION=320x180,FRAME-RATE=25\.000,CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2"/,
      )
      expect(master[5]).toBe(`${pack.id}v.m3u8`)
      const media = await get(`/${name}/manifest/${pack.id}v.m3u8`)
      expect(media.headers.get('cache-control')).toBe('public, max-age=1')
      const playlist = linesOf(await media.text())
      expect(playlist.filter((line) => line.startsWith('#EXTINF'))).toEqual([
        '#EXTINF:2.000000,',
        '#EXTINF:2.000000,',
      ])
      expect(playlist).toContain(`../../${name}/${pack.id}v/0.m4s`)
      expect(playlist.join('\n')).not.toContain('ENDLIST')
    }
  })

  test('whose broadcast has no segment yet answers as soon as there is one', async () => {
    const { id, broadcast } = await live(1)
    const waiting = get(`/${id}/manifest/video.m3u8`)
    send(
      broadcast,
      repeated(5).filter(({ dts }) => dts >= TICKS),
    )
    expect((await waiting).status).toBe(200)
  })
})

describe('the windows', () => {
  test('without DVR: the last six segments, and at least 20 s; with it: everything, in version 8', async () => {
    const { id, pack, broadcast } = await live(41)
    const window = linesOf(await text(`/${id}/manifest/${pack.id}v.m3u8`))
    expect(window).toContain('#EXT-X-MEDIA-SEQUENCE:10')
    expect(window.filter((line) => line.endsWith('.m4s'))).toHaveLength(10)
    const dvr = linesOf(await text(`/${id}/manifest/${pack.id}v.m3u8?dvrEnabled=true`))
    expect(dvr.slice(1, 6)).toEqual([
      '#EXT-X-VERSION:8',
      '#EXT-X-TARGETDURATION:2',
      '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0',
      '#EXT-X-MEDIA-SEQUENCE:0',
      '#EXT-X-PLAYLIST-TYPE:EVENT',
    ])
    expect(dvr.filter((line) => line.endsWith('.m4s'))).toHaveLength(20)
    await broadcast.recorded()
  })

  test('segments that are in memory no longer are read from the recording, byte for byte', async () => {
    const { id, pack, broadcast } = await live(5)
    const before = Buffer.from(await (await get(`/${id}/${pack.id}v/0.m4s`)).arrayBuffer())
    const part = Buffer.from(await (await get(`/${id}/${pack.id}v/0.1.m4s`)).arrayBuffer())
    await broadcast.recorded()
    send(
      broadcast,
      repeated(200).filter(({ dts }) => dts >= 5 * TICKS),
    )
    await broadcast.recorded()
    expect(pack.find(`${pack.id}v`)?.held(0)).toBeUndefined()
    const after = await get(`/${id}/${pack.id}v/0.m4s`)
    expect(after.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(Buffer.from(await after.arrayBuffer()).equals(before)).toBe(true)
    expect(Buffer.from(await (await get(`/${id}/${pack.id}v/0.1.m4s`)).arrayBuffer()).equals(part)).toBe(true)
    const slice = await get(`/${id}/${pack.id}v/0.m4s`, { range: 'bytes=100-199' })
    expect([slice.status, Buffer.from(await slice.arrayBuffer()).equals(before.subarray(100, 200))]).toEqual([
      206,
      true,
    ])
  })
})

describe('a reload that waits', () => {
  test('is offered to everybody, and answered when the segment is there', async () => {
    const { id, pack, broadcast } = await live(4.6, { lowLatency: false })
    const address = `/${id}/manifest/${pack.id}v.m3u8`
    expect(linesOf(await text(address))).toContain('#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES')
    const held = get(`${address}?_HLS_msn=2`)
    send(
      broadcast,
      repeated(6.5).filter(({ dts }) => dts >= 4.6 * TICKS),
    )
    expect(linesOf(await (await held).text()).at(-1)).toBe(`../../${id}/${pack.id}v/2.m4s`)
    pack.end()
    expect(await text(address)).not.toContain('SERVER-CONTROL')
  })
})

describe('low latency', () => {
  test('lists parts, what comes next and what the other rendition has', async () => {
    const { id, pack } = await live(4.6)
    const lines = linesOf(await text(`/${id}/manifest/${pack.id}v.m3u8?protocol=llhls`))
    expect(lines).toContain(
      '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0,PART-HOLD-BACK=1.5',
    )
    expect(lines).toContain('#EXT-X-PART-INF:PART-TARGET=0.5')
    const parts = lines.filter((line) => line.startsWith('#EXT-X-PART:'))
    expect(parts[0]).toBe(
      `#EXT-X-PART:DURATION=0.480000,URI="../../${id}/${pack.id}v/0.0.m4s",INDEPENDENT=YES`,
    )
    expect(lines.findLast((line) => line.startsWith('#EXT-X-PART:'))).toContain('v/2.0.m4s"')
    expect(lines).toContain(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="../../${id}/${pack.id}v/2.1.m4s"`)
    expect(lines.at(-1)).toBe(
      `#EXT-X-RENDITION-REPORT:URI="${pack.id}a.m3u8?protocol=llhls",LAST-MSN=2,LAST-PART=0`,
    )
  })

  test('is not offered where the input does not ask for it', async () => {
    const { id, pack } = await live(5, { lowLatency: false })
    expect(await text(`/${id}/manifest/${pack.id}v.m3u8?protocol=llhls`)).not.toContain('PART')
  })

  test('holds a request until the part is there, and lets caches keep the answer', async () => {
    const { id, pack, broadcast } = await live(4.6)
    const address = `/${id}/manifest/${pack.id}v.m3u8?protocol=llhls&_HLS_msn=2&_HLS_part=1`
    const [held, hinted] = [get(address), get(`/${id}/${pack.id}v/2.1.m4s`)]
    send(
      broadcast,
      repeated(5.5).filter(({ dts }) => dts >= 4.6 * TICKS),
    )
    const answer = await held
    expect(answer.headers.get('cache-control')).toBe('public, max-age=12')
    expect(await answer.text()).toContain('v/2.1.m4s"')
    const part = await hinted
    expect([part.status, part.headers.get('content-type')]).toEqual([200, 'video/mp4'])
    expect((await part.arrayBuffer()).byteLength).toBe(
      pack.find(`${pack.id}v`)?.held(2)?.parts[1]?.bytes.byteLength,
    )
  })

  test('takes a part beyond the last of its segment for the first of the next', async () => {
    const { id, pack, broadcast } = await live(5)
    const held = get(`/${id}/manifest/${pack.id}v.m3u8?protocol=llhls&_HLS_msn=2&_HLS_part=6`)
    send(
      broadcast,
      repeated(7).filter(({ dts }) => dts >= 5 * TICKS),
    )
    expect(await (await held).text()).toContain('v/3.0.m4s"')
  })

  test.each([
    '_HLS_msn=9',
    '_HLS_msn=2&_HLS_part=40',
    '_HLS_part=1',
    '_HLS_msn=x',
    '_HLS_msn=-1',
    '_HLS_skip=no',
  ])('refuses %s', async (query) => {
    const { id, pack } = await live(5)
    expect((await get(`/${id}/manifest/${pack.id}v.m3u8?protocol=llhls&${query}`)).status).toBe(400)
  })

  test('leaves out of an update what the client has', async () => {
    const { id, pack } = await live(41)
    const address = `/${id}/manifest/${pack.id}v.m3u8?protocol=llhls`
    const full = linesOf(await text(address))
    const update = linesOf(await text(`${address}&_HLS_skip=YES`))
    expect(update).toContain('#EXT-X-VERSION:9')
    expect(update).toContain('#EXT-X-SKIP:SKIPPED-SEGMENTS=4')
    expect(update).toContain('#EXT-X-MEDIA-SEQUENCE:10')
    const segments = (lines: string[]) => lines.filter((line) => line.endsWith('.m4s'))
    expect(segments(update)).toEqual(segments(full).slice(4))
  })

  test('sends a segment that is still being made as it grows', async () => {
    const { id, pack, broadcast } = await live(4.6)
    const answer = await get(`/${id}/${pack.id}v/2.m4s`)
    expect([answer.status, answer.headers.get('transfer-encoding')]).toEqual([200, 'chunked'])
    send(
      broadcast,
      repeated(7).filter(({ dts }) => dts >= 4.6 * TICKS),
    )
    const whole = pack.find(`${pack.id}v`)?.held(2)?.whole
    expect(Buffer.from(await answer.arrayBuffer()).equals(Buffer.from(whole ?? []))).toBe(true)
  })
})

describe('an interruption', () => {
  test('is a discontinuity, and another configuration a new init segment behind it', async () => {
    const { id, pack, broadcast } = await live(4)
    pack.gap()
    const again = repeated(4)
    send(broadcast, later(again, 369_000))
    pack.gap()
    if (other.video !== null) expect(pack.format(other.video)).toBe(true)
    send(broadcast, later(repeated(5, other), 738_000))
    const lines = linesOf(await text(`/${id}/manifest/${pack.id}v.m3u8`))
    const shape = lines
      .filter((line) => /DISCONTINUITY|MAP|m4s|DATE/.test(line))
      .map((line) => line.split('/').at(-1))
    expect(shape.map((line) => line?.replace(/:\d{4}-.*/, ''))).toEqual([
      'init.mp4"',
      '#EXT-X-PROGRAM-DATE-TIME',
      '0.m4s',
      '1.m4s',
      '#EXT-X-DISCONTINUITY',
      '#EXT-X-PROGRAM-DATE-TIME',
      '2.m4s',
      '3.m4s',
      '#EXT-X-DISCONTINUITY',
      'init-1.mp4"',
      '#EXT-X-PROGRAM-DATE-TIME',
      '4.m4s',
      '5.m4s',
    ])
    expect((await get(`/${id}/${pack.id}v/init-1.mp4`)).status).toBe(200)
    expect((await get(`/${id}/${pack.id}v/init-2.mp4`)).status).toBe(404)
    const mpd = await text(`/${id}/manifest/video.mpd`)
    expect(mpd.match(/<Period id="\d+"/g)).toEqual(['<Period id="0"', '<Period id="2"', '<Period id="4"'])
  })
})

describe('the end', () => {
  test('is told by a mark where the broadcast was watched, and by 204 where somebody comes for the input', async () => {
    const { id, pack, broadcast } = await live(5)
    const held = get(`/${id}/manifest/${pack.id}v.m3u8?protocol=llhls&_HLS_msn=3&_HLS_part=0`)
    pack.end()
    expect(await (await held).text()).toMatch(/2\.m4s\n#EXT-X-ENDLIST\n$/)
    expect((await get(`/${id}/manifest/video.m3u8`)).status).toBe(204)
    expect((await get(`/${id}/manifest/video.mpd`)).status).toBe(204)
    const mpd = await text(`/${id}/manifest/video.mpd?broadcast=${pack.id}`)
    expect(mpd).toMatch(/type="static" mediaPresentationDuration="PT[45](?:\.\d+)?S"/)
    expect(await text(`/${broadcast.videoUid}/manifest/video.m3u8`)).toContain(`${pack.id}v.m3u8`)
  })
})

describe('protection', () => {
  test('is that of the input by its uid, and that of the video by its own', async () => {
    const { id, broadcast, pack } = await live(5, { rules: { requireSignedUrls: true } })
    expect((await get(`/${id}/manifest/video.m3u8`)).status).toBe(401)
    expect((await get(`/${id}/${pack.id}v/0.m4s`)).status).toBe(401)
    expect((await get(`/${broadcast.videoUid}/manifest/video.m3u8`)).status).toBe(200)
    expect(
      (await get(`/${server.addInput({ requireSignedUrls: true }).uid}/manifest/video.m3u8`)).status,
    ).toBe(401)
  })

  test('lets only pages of the allowed origins in', async () => {
    const { id, pack } = await live(5, { rules: { allowedOrigins: ['example.com'] } })
    const from = (origin: string) => ({ origin })
    for (const path of [
      `/${id}/manifest/video.m3u8`,
      `/${id}/${pack.id}v/0.m4s`,
      `/${id}/${pack.id}v/0.0.m4s`,
    ]) {
      expect((await get(path)).status).toBe(403)
      const answer = await get(path, from('https://example.com'))
      expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([
        200,
        'https://example.com',
      ])
      expect(answer.headers.get('cache-control')).toContain('private')
    }
  })
})

test('players are counted that fetched media, each once', async () => {
  const { id, pack } = await live(5)
  expect(server.viewers.count(id)).toBe(0)
  for (const agent of ['one', 'two', 'one']) await get(`/${id}/${pack.id}v/0.m4s`, { 'user-agent': agent })
  expect(server.viewers.count(id)).toBe(2)
})

describe('readers written by others', () => {
  test('understand the playlists, with and without low latency, and the MPD', async () => {
    const { id, pack } = await live(24.6)
    for (const query of ['', '?protocol=llhls', '?dvrEnabled=true']) {
      const address = `${server.url}/${id}/manifest/${pack.id}v.m3u8${query}`
      const written = await (await fetch(address)).text()
      const parser = new Parser()
      parser.push(written)
      parser.end()
      expect(parser.manifest.endList ?? false).toBe(false)
      expect(parser.manifest.targetDuration).toBe(2)
      const strict = hlsParser.parse(written)
      if (!('segments' in strict)) throw new Error('It was read as another kind of playlist.')
      expect(strict.segments.filter(({ uri }) => uri !== '').length).toBeGreaterThanOrEqual(10)
    }
    const mpd = await text(`/${id}/manifest/video.mpd`)
    expect(mpd).toMatch(/type="dynamic" availabilityStartTime="20\d\d-[^"]+Z" publishTime=/)
    const { playlists } = parseMpd(mpd, { manifestUri: `${server.url}/${id}/manifest/video.mpd` })
    const addresses = playlists[0]?.segments.map(({ resolvedUri }) => resolvedUri) ?? []
    expect(addresses.length).toBeGreaterThanOrEqual(10)
    expect((await fetch(addresses.at(-1) ?? '')).status).toBe(200)
    expect(Date.parse(await text('/headwater/time'))).not.toBeNaN()
  })

  test('see a lower rung beside what was published, cut where that is', async () => {
    const { id, pack, broadcast } = await live(5)
    const rung = pack.addRung('90p')
    if (other.video !== null) rung.format(other.video)
    const pictures = repeated(8, other).filter(({ kind }) => kind === 'video')
    // The encoder of a rung keeps the times; it is a little behind.
    const first = film.units.find(({ kind }) => kind === 'video')?.pts ?? 0
    for (const unit of later(pictures, first - (pictures[0]?.pts ?? 0)).filter(
      ({ dts }) => dts < 4 * TICKS,
    )) {
      rung.unit(unit)
    }
    send(
      broadcast,
      repeated(7).filter(({ dts }) => dts >= 5 * TICKS),
    )
    const master = await text(`/${id}/manifest/video.m3u8`)
    expect(master.match(/RESOLUTION=\d+x\d+/g)).toEqual(['RESOLUTION=160x90', 'RESOLUTION=320x180'])
    expect((await get(`/${id}/${pack.id}90p/0.m4s`)).status).toBe(200)
    expect(pack.find(`${pack.id}90p`)?.times(1)?.start).toBe(pack.find(`${pack.id}v`)?.times(1)?.start)
    rung.end()
    expect(await text(`/${id}/manifest/video.m3u8`)).not.toContain('160x90')
  })
})

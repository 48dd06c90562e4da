/** The playlist of a whole broadcast that runs (live.md §6): what it costs to fetch it again and again, and that it is true. */

import { get as request } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AccessUnit } from '../../src/media/live/units.ts'
import { type LiveServer, startLiveServer } from './live-server.ts'
import { later, type LiveFilm, makeFilm, readFilm } from './live-units.ts'

const TICKS = 90_000
/** Longer than the film, since its last sound may end after its last picture. */
const FILM_SECONDS = 6

let folder: string
let server: LiveServer
let film: LiveFilm

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-dvr-'))
  await makeFilm(join(folder, 'film.mp4'), { seconds: 6, size: '64x36' })
  film = await readFilm(join(folder, 'film.mp4'))
  server = await startLiveServer()
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

/** What the film sends between two times, over and over. */
function between(from: number, until: number): AccessUnit[] {
  const times = Array.from({ length: Math.ceil(until / FILM_SECONDS) }, (_, time) => time)
  return times
    .flatMap((time) => later(film.units, time * FILM_SECONDS * TICKS))
    .filter(({ dts }) => dts >= from * TICKS && dts < until * TICKS)
    .toSorted((a, b) => a.dts - b.dts)
}

async function begin() {
  const broadcast = await server.begin(server.addInput())
  const pack = broadcast.package
  for (const format of [film.video, film.audio]) if (format !== null) pack.format(format)
  let sent = 0
  return {
    pack,
    path: `/${broadcast.inputUid}/manifest/${pack.id}v.m3u8?dvrEnabled=true`,
    goOn: async (until: number) => {
      for (; sent < until; sent = Math.min(until, sent + 10)) {
        for (const unit of between(sent, Math.min(until, sent + 10))) pack.unit(unit)
        // What is not in the recording yet would be gone from memory.
        await broadcast.recorded()
      }
    },
  }
}

type Raw = {
  readonly headers: Readonly<Record<string, unknown>>
  readonly status: number
  readonly bytes: Buffer
}

/** As it comes over the wire. */
function ask(path: string, headers: Record<string, string> = {}): Promise<Raw> {
  return new Promise((resolve, reject) => {
    request(`${server.url}${path}`, { headers, agent: false }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece))
      answer.on('end', () => {
        resolve({
          headers: answer.headers,
          status: answer.statusCode ?? 0,
          bytes: Buffer.concat(pieces),
        })
      })
    }).on('error', reject)
  })
}

const text = async (path: string) => (await ask(path)).bytes.toString()
/** From the first segment on. */
const bodyOf = (playlist: string) => playlist.slice(playlist.search(/^#EXT(-X-MAP|-X-DISCONTINUITY\n|INF)/m))
const addresses = (playlist: string) => playlist.split('\n').filter((line) => line.endsWith('.m4s'))
const durations = (playlist: string) => playlist.match(/^#EXTINF:.*$/gm) ?? []

test('a client that has it fetches what has come since, and what lies twelve seconds back', async () => {
  const { path, goOn, pack } = await begin()
  await goOn(121)
  const before = await text(path)
  expect(before).toContain(
    '#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:2\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0\n',
  )
  expect(addresses(before).length).toBeGreaterThanOrEqual(58)
  await goOn(131)
  const update = await text(`${path}&_HLS_skip=YES`)
  const skipped = Number(/^#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)$/m.exec(update)?.[1])
  expect(update).toContain('#EXT-X-VERSION:9\n')
  // The boundary lies twelve seconds before the end, and nothing behind it is left out.
  expect(skipped).toBeGreaterThanOrEqual(57)
  expect(skipped * 2).toBeLessThanOrEqual(131 - 12)
  const now = await text(path)
  expect([...addresses(before).slice(0, skipped), ...addresses(update)]).toEqual(addresses(now))
  expect([...durations(before).slice(0, skipped), ...durations(update)]).toEqual(durations(now))
  expect(update.length).toBeLessThan(now.length / 5)
  pack.end()
  const over = await text(path)
  expect(over).toContain('#EXT-X-ENDLIST')
  expect(over).not.toContain('SERVER-CONTROL')
})

test('written on and on it reads as one that is written at once, over interruptions and for every way to ask', async () => {
  const { path, goOn, pack } = await begin()
  for (let until = 5; until <= 95; until += 5) {
    await goOn(until)
    if (until === 50) pack.gap()
    for (const manner of ['', '&protocol=llhls']) await text(path + manner)
  }
  for (const manner of ['', '&protocol=llhls']) {
    const written = await text(path + manner)
    // Nobody has asked from that page before.
    const page = '?parentOrigin=https%3A%2F%2Fshop.example.com'
    const anew = await text(`${path}${manner}&parentOrigin=https://shop.example.com`)
    expect(written).toBe(
      anew.replaceAll(page, '').replaceAll('&parentOrigin=https%3A%2F%2Fshop.example.com', ''),
    )
    expect(addresses(bodyOf(written)).length).toBeGreaterThan(40)
    expect(written.match(/^#EXT-X-DISCONTINUITY$/gm)).toHaveLength(1)
  }
})

test('it is compressed for who takes it so, and each form has its own tag', async () => {
  const { path, goOn } = await begin()
  await goOn(400)
  const plain = await ask(path)
  expect(plain.headers).not.toHaveProperty('content-encoding')
  expect(plain.headers.vary).toBe('Accept-Encoding')
  const forms: [string, string | undefined, (bytes: Buffer) => Buffer][] = [
    ['gzip', 'gzip', gunzipSync],
    ['gzip, deflate, br', 'br', brotliDecompressSync],
    ['br;q=0, gzip;q=0.5', 'gzip', gunzipSync],
    ['identity', undefined, (bytes) => bytes],
  ]
  for (const [accepted, coding, decode] of forms) {
    const answer = await ask(path, { 'accept-encoding': accepted })
    expect([accepted, answer.headers['content-encoding']]).toEqual([accepted, coding])
    expect(decode(answer.bytes).equals(plain.bytes)).toBe(true)
    expect(answer.headers['content-length']).toBe(String(answer.bytes.byteLength))
    if (coding !== undefined) {
      expect(answer.headers.etag).not.toBe(plain.headers.etag)
      expect(answer.bytes.byteLength).toBeLessThan(plain.bytes.byteLength / 10)
    }
    const tag = { 'accept-encoding': accepted, 'if-none-match': String(answer.headers.etag) }
    expect((await ask(path, tag)).status).toBe(304)
  }
  // What fits into some packets is not.
  const short = await ask(path.replace('dvrEnabled=true', ''), { 'accept-encoding': 'gzip' })
  expect([short.headers['content-encoding'], short.headers.vary]).toEqual([undefined, undefined])
})

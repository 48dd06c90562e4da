/**
 * Viewers by HLS who take nothing of what they asked for. Those of RTMP, SRT and WebRTC are in the files of these; that one who
 * takes no byte is dropped in the end, in `tests/contract/http-limits.test.ts`.
 */

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LIVE_TIMESCALE } from '../../src/media/live/units.ts'
import { type LiveServer, startLiveServer } from './live-server.ts'
import { type LiveFilm, later, makeFilm, readFilm } from './live-units.ts'

/** More than sockets take. */
const PICTURE_BYTES = 8 * 1024 * 1024
const VIEWERS = 30

let folder: string
let server: LiveServer
/** Five seconds without sound, in groups of two: three segments, the last of which is not complete. */
let film: LiveFilm

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-slow-'))
  const file = join(folder, 'film.mp4')
  await makeFilm(file, { seconds: 5, picture: ['-g', '50', '-bf', '0'], sound: null })
  film = await readFilm(file)
  server = await startLiveServer()
})

afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

test('they cost what the segment costs once, and keep nobody waiting', async () => {
  const input = server.addInput()
  const { package: pack } = await server.begin(input)
  if (film.video !== null) pack.format(film.video)
  for (const unit of film.units) pack.unit(unit)
  const growing = new URL(`${server.url}/${input.uid}/${pack.id}v/2.m4s`)
  const before = process.memoryUsage()
  const sockets = await Promise.all(
    Array.from({ length: VIEWERS }, async () => {
      const socket = connect(Number(growing.port), '127.0.0.1')
      await once(socket, 'connect')
      socket.pause()
      socket.write(`GET ${growing.pathname} HTTP/1.1\r\nHost: ${growing.host}\r\n\r\n`)
      return socket
    }),
  )
  try {
    // They are all there when the segment grows by a picture that nobody takes at once.
    const quick = await fetch(growing)
    const [last] = film.units.slice(-1)
    if (last === undefined) throw new Error('The film has no pictures.')
    const [dts, pts] = [last.dts + LIVE_TIMESCALE / 25, last.pts + LIVE_TIMESCALE / 25]
    pack.unit({ ...last, dts, pts, data: new Uint8Array(PICTURE_BYTES) })
    for (const unit of later(film.units, 6 * LIVE_TIMESCALE)) pack.unit(unit)
    expect((await quick.arrayBuffer()).byteLength).toBeGreaterThan(PICTURE_BYTES)
    for (const part of [0, 1, 2]) {
      expect((await fetch(`${server.url}/${input.uid}/${pack.id}v/3.${part}.m4s`)).status).toBe(200)
    }
    const after = process.memoryUsage()
    const grown = after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed
    // The segment in whole and in parts, what the quick viewer read of it, and what is not collected yet: eight times its
    // bytes as a rule. Thirty copies would be thirty.
    expect(grown).toBeLessThan((VIEWERS / 2) * PICTURE_BYTES)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
})

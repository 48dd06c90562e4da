/** Downloads of the whole program: refused where they must be, played where not, and not begun anew by a kill. */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { expect, test } from 'vitest'
import type { PresentedVideo } from '../../src/http/present-video.ts'
import { type Origin, startOrigin } from '../harness/origin.ts'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, waitForVideo } from '../harness/server.ts'

const MIB = 1_048_576
const ALLOWED = { HEADWATER_ALLOW_PRIVATE_FETCH: 'true' }

/** A real film with a lot of nothing behind it, which players and readers pass over (a `free` box). */
async function longFilm(length: number): Promise<Buffer> {
  const film = await readFile(await sample('h264-aac.mp4'))
  const rest = Buffer.alloc(length - film.length)
  // Different everywhere, so that a byte out of place shows.
  for (let at = 0; at + 4 <= rest.length; at += 4) rest.writeUInt32BE((at * 2_654_435_761) % 2 ** 32, at)
  rest.writeUInt32BE(rest.length, 0)
  rest.write('free', 4)
  return Buffer.concat([film, rest])
}

async function copy(server: TestServer, url: string): Promise<string> {
  const video = await callApi<PresentedVideo>(server, '/stream/copy', { method: 'POST', body: { url } })
  expect(video.status.state).toBe('downloading')
  return video.uid
}

async function receivedBytes(server: TestServer, uid: string): Promise<number> {
  const { download } = await callApi<{ download: { receivedBytes: number } | null }>(
    server,
    `/headwater/videos/${uid}/events`,
  )
  return download?.receivedBytes ?? 0
}

async function sourceHash(server: TestServer, uid: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(join(server.dataDir, 'blobs', 'sources', uid)), hash)
  return hash.digest('hex')
}

const sentBytes = (origin: Origin) => origin.requests.reduce((sum, request) => sum + request.sentBytes, 0)

test('without being allowed to, the program fetches nothing from its own machine', async () => {
  await using server = await startServer()
  await using origin = await startOrigin({ bytes: Buffer.from('a secret') })
  const uid = await copy(server, origin.url.replace('http://', 'http://user:password@'))
  await expect(waitForVideo(server, uid, 'ready')).rejects.toThrow('127.0.0.1 is a loopback address')
  const video = await callApi<PresentedVideo>(server, `/stream/${uid}`)
  expect(video.status).toMatchObject({
    state: 'error',
    errorReasonCode: 'ERR_FETCH_ORIGIN_ERROR',
    errorReasonText: expect.stringMatching(
      /^The video could not be downloaded from the given URL\. 127\.0\.0\.1 is/,
    ),
  })
  expect(video.status).not.toHaveProperty('pctComplete')
  expect(origin.requests).toEqual([])
  expect(server.output()).not.toContain('password')
})

test('a film is downloaded, played and told of as if it had been uploaded', async () => {
  await using server = await startServer({ env: ALLOWED })
  const bytes = await readFile(await sample('h264-aac.mp4'))
  await using origin = await startOrigin({ bytes, etag: '"a"' })
  const video = await waitForVideo(server, await copy(server, origin.url), 'ready')
  expect(video).toMatchObject({
    size: bytes.length,
    meta: { name: 'video.mp4', 'downloaded-from': origin.url },
  })
  expect((await fetch(video.playback.hls)).status).toBe(200)
})

test('kill -9 in the middle costs a few seconds of it, twice', async () => {
  const bytes = await longFilm(48 * MIB)
  await using origin = await startOrigin({ bytes, etag: '"a"' }, { behaviour: { rate: 12 * MIB } })
  let server = await startServer({ env: ALLOWED })
  try {
    const uid = await copy(server, origin.url)
    for (const enough of [8 * MIB, 24 * MIB]) {
      while ((await receivedBytes(server, uid)) < enough)
        await new Promise((resolve) => setTimeout(resolve, 20))
      await server.kill()
      server = await server.restart()
    }
    origin.behaviour = {}
    const video = await waitForVideo(server, uid, 'ready')
    expect(video.size).toBe(bytes.length)
    expect(await sourceHash(server, uid)).toBe(createHash('sha256').update(bytes).digest('hex'))
    const starts = origin.requests.flatMap(({ method, range }) =>
      method === 'GET' ? [Number(/\d+/.exec(range ?? '')?.[0])] : [],
    )
    expect(starts).toHaveLength(3)
    expect(starts[0]).toBe(0)
    expect(starts[1]).toBeGreaterThanOrEqual(8 * MIB)
    expect(starts[2]).toBeGreaterThanOrEqual(24 * MIB)
    // Two commits' worth, and what lay in the sockets.
    expect(sentBytes(origin)).toBeLessThan(bytes.length + 2 * 24 * MIB)
    expect(origin.requests.filter(({ method }) => method === 'HEAD')).toHaveLength(1)
  } finally {
    await server.stop()
  }
})

test('SIGTERM in the middle stops at once and loses nothing that had come', async () => {
  const bytes = await longFilm(24 * MIB)
  await using origin = await startOrigin({ bytes, etag: '"a"' }, { behaviour: { rate: 12 * MIB } })
  let server = await startServer({ env: ALLOWED })
  try {
    const uid = await copy(server, origin.url)
    while ((await receivedBytes(server, uid)) < 4 * MIB)
      await new Promise((resolve) => setTimeout(resolve, 20))
    // Stops it first.
    server = await server.restart()
    await waitForVideo(server, uid, 'ready')
    expect(await sourceHash(server, uid)).toBe(createHash('sha256').update(bytes).digest('hex'))
  } finally {
    await server.stop()
  }
})

test('a video that is deleted while it is downloaded takes everything with it', async () => {
  await using server = await startServer({ env: ALLOWED })
  const bytes = Buffer.alloc(64 * MIB, 'x')
  await using origin = await startOrigin({ bytes, etag: '"a"' }, { behaviour: { rate: 8 * MIB } })
  const uid = await copy(server, origin.url)
  while ((await receivedBytes(server, uid)) < 4 * MIB) await new Promise((resolve) => setTimeout(resolve, 20))
  await callApi(server, `/stream/${uid}`, { method: 'DELETE' })
  await origin.until(({ requests }) => requests.every(({ ended }) => ended))
  expect(sentBytes(origin)).toBeLessThan(bytes.length)
  // What it took is free for the next one.
  expect((await callApi<{ videoCount: number }>(server, '/stream/storage-usage')).videoCount).toBe(0)
})

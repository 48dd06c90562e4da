/** Playing a video while its upload is still running. */

import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { inFragments, indexFirst } from '../harness/early-samples.ts'
import { makePng } from '../harness/png.ts'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, waitForVideo } from '../harness/server.ts'
import { type SlowUpload, startSlowUpload } from '../harness/slow-upload.ts'
import { decodeFrames } from '../media/decode.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

const get = (uid: string, path: string, init?: RequestInit) => fetch(`${server.url}/${uid}/${path}`, init)
const statusOf = async (uid: string, path: string) => {
  const response = await get(uid, path)
  await response.arrayBuffer()
  return response.status
}

/** The addresses of a media playlist, init first. */
async function segmentsOf(uid: string, playlist: string): Promise<string[]> {
  const text = await (await get(uid, `manifest/${playlist}`)).text()
  const init = /URI="([^"]+)"/.exec(text)?.[1] ?? ''
  const segments = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const base = `${server.url}/${uid}/manifest/`
  return [init, ...segments].map((address) => new URL(address, base).href)
}

async function playlistsOf(uid: string): Promise<string[]> {
  const text = await (await get(uid, 'manifest/video.m3u8')).text()
  return [...text.matchAll(/^(?:.*URI=")?([\w-]+\.m3u8)/gm)].map(([, name]) => name ?? '')
}

describe('an index that comes first', () => {
  let bytes: Uint8Array
  let upload: SlowUpload

  beforeEach(async () => {
    bytes = new Uint8Array(await readFile(await indexFirst()))
    upload = await startSlowUpload(server, bytes)
  })

  test('plays as the whole video; what has not arrived is held until it has', async () => {
    for (const beginning of [0, 3]) {
      await upload.sendTo(beginning)
      expect(await statusOf(upload.uid, 'manifest/video.m3u8')).toBe(409)
    }
    await upload.sendTo(Math.round(bytes.byteLength / 3))
    await expect.poll(() => statusOf(upload.uid, 'manifest/video.m3u8')).toBe(200)
    expect(await statusOf(upload.uid, 'manifest/video.mpd')).toBe(200)

    const video = await callApi<{ readyToStream: boolean; status: { state: string } }>(
      server,
      `/stream/${upload.uid}`,
    )
    expect(video).toMatchObject({ readyToStream: false, status: { state: 'pendingupload' } })
    const page = (await (await get(upload.uid, 'headwater/status.json')).json()) as { playable: boolean }
    expect(page.playable).toBe(true)

    const [sound = '', picture = ''] = await playlistsOf(upload.uid)
    const text = await (await get(upload.uid, `manifest/${picture}`)).text()
    expect(text).toContain('#EXT-X-PLAYLIST-TYPE:VOD')
    expect(text).toContain('#EXT-X-ENDLIST')
    const segments = await segmentsOf(upload.uid, picture)
    expect(segments).toHaveLength(11)
    const [, first = ''] = segments
    const early = await fetch(first)
    expect(early.status).toBe(200)
    expect(early.headers.get('cache-control')).toBe('private, no-store')
    const firstBytes = Buffer.from(await early.arrayBuffer())

    // Held, not refused: it is answered once its bytes are there.
    let answered = false
    const last = fetch(segments.at(-1) ?? '').then((response) => {
      answered = true
      return response
    })
    await upload.sendTo(Math.round(bytes.byteLength / 2))
    expect(await statusOf(upload.uid, `manifest/${sound}`)).toBe(200)
    expect(answered).toBe(false)
    expect(await upload.finish()).toBe(204)
    const held = await last
    expect(held.status).toBe(200)
    const lastBytes = Buffer.from(await held.arrayBuffer())

    // Who watches goes on watching: the same addresses, the same bytes.
    await waitForVideo(server, upload.uid, 'ready')
    expect(await segmentsOf(upload.uid, picture)).toEqual(segments)
    for (const [address, before] of [
      [first, firstBytes],
      [segments.at(-1) ?? '', lastBytes],
    ] as const) {
      const after = await fetch(address)
      expect(after.headers.get('cache-control')).toContain('immutable')
      expect(Buffer.from(await after.arrayBuffer()).equals(before)).toBe(true)
    }
  })

  test('does not play early with a watermark, which nothing that is passed through has', async () => {
    const form = new FormData()
    form.append('file', new Blob([new Uint8Array(makePng(8, 8, () => [255, 0, 0, 255]))]), 'mark.png')
    const made = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/watermarks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}` },
      body: form,
    })
    const { result } = (await made.json()) as { result: { uid: string } }
    const metadata = `watermark ${Buffer.from(result.uid).toString('base64')}`
    const marked = await startSlowUpload(server, bytes, { 'upload-metadata': metadata })
    for (const one of [upload, marked]) await one.sendTo(Math.round(bytes.byteLength / 3))
    await expect.poll(() => statusOf(upload.uid, 'manifest/video.m3u8')).toBe(200)
    // The name that what is passed through would have.
    const passed = /[\w-]+(?=\.m3u8)/.exec((await playlistsOf(upload.uid))[1] ?? '')?.[0] ?? ''
    const closed = ['manifest/video.m3u8', 'manifest/video.mpd', 'thumbnails/thumbnail.jpg']
    for (const path of [
      ...closed,
      `${passed.replace(upload.uid.slice(0, 12), marked.uid.slice(0, 12))}/0.m4s`,
    ]) {
      expect(await statusOf(marked.uid, path)).toBeGreaterThanOrEqual(400)
    }
    const page = (await (await get(marked.uid, 'headwater/status.json')).json()) as { playable: boolean }
    expect(page.playable).toBe(false)
    expect(await marked.finish()).toBe(204)
    upload.cut()
    await waitForVideo(server, marked.uid, 'ready')
    const ids = (await playlistsOf(marked.uid)).join(' ')
    expect(ids).not.toContain(marked.uid.slice(0, 12))
    expect(await statusOf(marked.uid, 'thumbnails/thumbnail.jpg')).toBe(200)
    await callApi(server, `/stream/${marked.uid}`, { method: 'DELETE' })
  })

  test('a segment whose bytes do not come is answered 503 in time for every player, and the upload goes on', async () => {
    await upload.sendTo(Math.round(bytes.byteLength / 3))
    await expect.poll(() => statusOf(upload.uid, 'manifest/video.m3u8')).toBe(200)
    const [, picture = ''] = await playlistsOf(upload.uid)
    const segments = await segmentsOf(upload.uid, picture)
    const held = await fetch(segments.at(-1) ?? '')
    expect(held.status).toBe(503)
    expect(await held.text()).toContain('still being uploaded')
    expect(await upload.finish()).toBe(204)
    await waitForVideo(server, upload.uid, 'ready')
  })

  test('ends with the upload: deleted, nothing plays', async () => {
    await upload.sendTo(Math.round(bytes.byteLength / 3))
    await expect.poll(() => statusOf(upload.uid, 'manifest/video.m3u8')).toBe(200)
    await callApi(server, `/stream/${upload.uid}`, { method: 'DELETE' })
    expect(await statusOf(upload.uid, 'manifest/video.m3u8')).toBe(404)
    upload.cut()
  })
})

test('protected videos stay closed while they arrive', async () => {
  const bytes = new Uint8Array(await readFile(await indexFirst()))
  const signed = await startSlowUpload(server, bytes, { 'upload-metadata': 'requiresignedurls' })
  const elsewhere = await startSlowUpload(server, bytes, {
    'upload-metadata': `allowedorigins ${Buffer.from('video.example').toString('base64')}`,
  })
  for (const upload of [signed, elsewhere]) await upload.sendTo(Math.round(bytes.byteLength / 2))
  const from = { headers: { origin: 'https://video.example' } }
  await expect.poll(async () => (await get(elsewhere.uid, 'manifest/video.m3u8', from)).status).toBe(200)
  expect(await statusOf(elsewhere.uid, 'manifest/video.m3u8')).toBe(403)
  expect(await statusOf(signed.uid, 'manifest/video.m3u8')).toBe(401)
  for (const upload of [signed, elsewhere]) upload.cut()
})

test('bytes that a checksum may still refuse are not played', async () => {
  const bytes = new Uint8Array(await readFile(await indexFirst()))
  const upload = await startSlowUpload(server, bytes, {}, { 'upload-checksum': `sha1 ${'A'.repeat(27)}=` })
  await upload.sendTo(bytes.byteLength - 1)
  for (let look = 0; look < 3; look += 1) {
    expect(await statusOf(upload.uid, 'manifest/video.m3u8')).toBe(409)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  upload.cut()
})

test('fragments: a growing playlist that ends as the whole video, every frame of it in its place', async () => {
  const bytes = new Uint8Array(await readFile(await inFragments()))
  const upload = await startSlowUpload(server, bytes)
  await upload.sendTo(Math.round(bytes.byteLength / 2))
  await expect.poll(() => statusOf(upload.uid, 'manifest/video.m3u8')).toBe(200)
  expect(await statusOf(upload.uid, 'manifest/video.mpd')).toBe(409)
  const master = await (await get(upload.uid, 'manifest/video.m3u8')).text()
  expect(master).toContain('#EXT-X-START:TIME-OFFSET=0.01')
  const [sound = '', picture = ''] = await playlistsOf(upload.uid)
  // What was written when the first look came may have been less than half.
  const listed = () => segmentsOf(upload.uid, picture)
  await expect.poll(async () => (await listed()).length).toBeGreaterThan(3)
  const halves = [await listed(), await segmentsOf(upload.uid, sound)]
  expect(halves[0]?.length).toBe(halves[1]?.length)
  const text = await (await get(upload.uid, `manifest/${picture}`)).text()
  expect(text).toContain('#EXT-X-PLAYLIST-TYPE:EVENT')
  expect(text).not.toContain('#EXT-X-ENDLIST')
  const read = async (addresses: readonly string[]) =>
    Buffer.concat(
      await Promise.all(addresses.map(async (url) => Buffer.from(await (await fetch(url)).arrayBuffer()))),
    )
  const before = await Promise.all(halves.map((half) => read(half)))

  await upload.sendTo(Math.round(bytes.byteLength * 0.8))
  await expect
    .poll(async () => (await segmentsOf(upload.uid, picture)).length)
    .toBeGreaterThan(halves[0]?.length ?? 0)
  expect(await upload.finish()).toBe(204)
  await waitForVideo(server, upload.uid, 'ready')
  const whole = [await segmentsOf(upload.uid, picture), await segmentsOf(upload.uid, sound)]
  for (const [index, half] of halves.entries()) {
    expect(whole[index]?.slice(0, half.length)).toEqual(half)
    expect((await read(half)).equals(before[index] ?? Buffer.alloc(0))).toBe(true)
  }
  expect(await (await get(upload.uid, `manifest/${picture}`)).text()).toContain('#EXT-X-ENDLIST')
  const [decoded] = await decodeFrames(`${server.url}/${upload.uid}/manifest/${picture}`)
  expect(decoded?.times).toHaveLength(1_000)
})

test('what must be encoded, or has its index at the end, waits for its last byte', async () => {
  for (const name of ['hevc.mp4', 'moov-last.mp4'] as const) {
    const bytes = new Uint8Array(await readFile(await sample(name)))
    const upload = await startSlowUpload(server, bytes)
    await upload.sendTo(bytes.byteLength - 1)
    const response = await get(upload.uid, 'manifest/video.m3u8')
    expect(response.status).toBe(409)
    await response.arrayBuffer()
    expect(await upload.finish()).toBe(204)
    await waitForVideo(server, upload.uid, 'ready')
  }
})

/** A viewer over WebRTC stays for as long as he would be let in, and no longer (playback.md §6, live.md §9). */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWebRtc, type WebRtcFixture } from '../browser/webrtc-fixture.ts'
import { AVC_CONFIG } from '../fuzz/codec-configs.ts'
import { callApi } from '../harness/server.ts'
import { inSeconds, readPem, type ShownKey, signJwt } from '../harness/sign-token.ts'
import { FRAGMENT, offer } from '../live/sdp-samples.ts'

let fixture: WebRtcFixture
/** Signs the tokens of viewers who stay. */
let lasting: ShownKey

beforeAll(async () => {
  fixture = await startWebRtc()
  lasting = await newKey()
})
afterAll(async () => {
  await fixture[Symbol.asyncDispose]()
})

const newKey = () => callApi<ShownKey>(fixture.api, '/stream/keys', { method: 'POST' })
const tokenOf = (sub: string, { id, pem }: ShownKey, seconds = 600) =>
  signJwt({ header: { kid: id }, payload: { sub, exp: inSeconds(seconds) }, key: readPem(pem) })
const edit = (uid: string, recording: object) =>
  callApi(fixture.api, `/stream/live_inputs/${uid}`, { method: 'PUT', body: { recording } })

/** An input that somebody publishes to. */
async function addBroadcast(recording: { requireSignedUrls?: boolean; allowedOrigins?: string[] } = {}) {
  const { input } = await fixture.addInput({ recording })
  const publishing = fixture.door.open(input.uid)
  publishing.format({ kind: 'video', codec: 'avc', config: AVC_CONFIG, width: 160, height: 120 })
  for (let index = 0; index < 40; index += 1) {
    const dts = index * 3_000
    const data = Uint8Array.of(0, 0, 0, 2, index === 0 ? 0x65 : 0x41, 1)
    publishing.unit({ kind: 'video', dts, pts: dts, isSync: index === 0, data })
  }
  return input.uid
}

/** Opens a session; answers how to ask whether it is still there. */
async function watch(id: string, headers: Record<string, string> = {}): Promise<() => Promise<number>> {
  const opened = await fetch(`${fixture.api.url}/${id}/webRTC/play`, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp', ...headers },
    body: offer({ direction: 'recvonly' }),
  })
  expect([opened.status, await opened.text()]).toEqual([201, expect.stringContaining('v=0')])
  const session = opened.headers.get('location') ?? ''
  return async () => {
    const asked = await fetch(session, {
      method: 'PATCH',
      headers: { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '"1"' },
      body: FRAGMENT,
    })
    await asked.body?.cancel()
    return asked.status
  }
}

/** Before a session that nobody connects to ends by itself. */
const SOON = { timeout: 20_000 }

test('until the token ends', async () => {
  const uid = await addBroadcast({ requireSignedUrls: true })
  const stays = await watch(tokenOf(uid, lasting))
  const goes = await watch(tokenOf(uid, lasting, 3))
  expect(await goes()).toBe(204)
  await expect.poll(goes, SOON).toBe(404)
  expect(await stays()).toBe(204)
})

test('until the key of the token is deleted', async () => {
  const uid = await addBroadcast({ requireSignedUrls: true })
  const key = await newKey()
  const stays = await watch(tokenOf(uid, lasting))
  const goes = await watch(tokenOf(uid, key))
  await callApi(fixture.api, `/stream/keys/${key.id}`, { method: 'DELETE' })
  await expect.poll(goes, SOON).toBe(404)
  expect(await stays()).toBe(204)
})

test('until tokens are asked for, where he has none', async () => {
  const uid = await addBroadcast()
  const stays = await watch(tokenOf(uid, lasting))
  const goes = await watch(uid)
  await edit(uid, { requireSignedURLs: true })
  await expect.poll(goes, SOON).toBe(404)
  expect(await stays()).toBe(204)
})

test('until his page is one of those that may not', async () => {
  const uid = await addBroadcast({ allowedOrigins: ['shop.example.com', 'news.example.com'] })
  const stays = await watch(uid, { origin: 'https://shop.example.com' })
  const goes = await watch(uid, { origin: 'https://news.example.com' })
  await edit(uid, { allowedOrigins: ['shop.example.com'] })
  await expect.poll(goes, SOON).toBe(404)
  expect(await stays()).toBe(204)
})

test('until the input is deleted', async () => {
  const uid = await addBroadcast()
  const other = await addBroadcast()
  const [goes, stays] = [await watch(uid), await watch(other)]
  await callApi(fixture.api, `/stream/live_inputs/${uid}`, { method: 'DELETE' })
  await expect.poll(goes, SOON).toBe(404)
  expect(await stays()).toBe(204)
})

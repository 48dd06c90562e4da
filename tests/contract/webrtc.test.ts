/** WHIP and WHEP over HTTP: every status of live.md §9, without a browser. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWebRtc, type WebRtcFixture } from '../browser/webrtc-fixture.ts'
import { AV1_LINES, FRAGMENT, offer, VP8_LINES } from '../live/sdp-samples.ts'
import { AVC_CONFIG } from '../fuzz/codec-configs.ts'

let fixture: WebRtcFixture

beforeAll(async () => {
  fixture = await startWebRtc({ maxSessions: 20 })
})
afterAll(async () => {
  await fixture[Symbol.asyncDispose]()
})

function post(url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/sdp', ...headers }, body })
}

function patch(url: string, body: string, headers: Record<string, string>): Promise<Response> {
  const type = { 'content-type': 'application/trickle-ice-sdpfrag' }
  return fetch(url, { method: 'PATCH', headers: { ...type, ...headers }, body })
}

/** A broadcast of half a second, maybe with B-frames. */
function broadcast(inputUid: string, { reorders = false } = {}) {
  const publishing = fixture.door.open(inputUid)
  publishing.format({ kind: 'video', codec: 'avc', config: AVC_CONFIG, width: 160, height: 120 })
  publishing.format({
    kind: 'audio',
    codec: 'opus',
    config: new Uint8Array(0),
    sampleRate: 48_000,
    channels: 2,
  })
  // Enough of them to show in which order they are sent.
  for (let index = 0; index < 15; index += 1) {
    const pts = 6_000 + (index + (reorders && index > 0 ? (index % 2) * 2 - 1 : 0)) * 3_000
    const data = Uint8Array.of(0, 0, 0, 2, index === 0 ? 0x65 : 0x41, 1)
    publishing.unit({ kind: 'video', dts: index * 3_000, pts, isSync: index === 0, data })
  }
  return publishing
}

describe('WHIP', () => {
  test('an offer is answered 201 with an answer, the address of the session, its tag and ICE servers', async () => {
    const { publish } = await fixture.addInput()
    const answer = await post(publish, offer(), { authorization: 'Bearer nothing' })
    expect(answer.status).toBe(201)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/sdp',
      etag: '"1"',
      'protocol-version': 'draft-ietf-wish-whip-06',
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'Location, ETag, Link, protocol-version',
      link: '<turn:turn.example.com:3478>; rel="ice-server"; username="me"; credential="secret"; credential-type="password"',
    })
    const sdp = await answer.text()
    expect(sdp).toContain('a=ice-lite\r\n')
    expect(sdp).toContain(` 127.0.0.1 ${fixture.port} typ host\r\n`)
    const session = new URL(answer.headers.get('location') ?? '', publish).href
    expect(session).toMatch(/\/webRTC\/publish\/[0-9a-f]{32}$/)

    expect((await patch(session, FRAGMENT, { 'if-match': '"1"' })).status).toBe(204)
    expect((await patch(session, FRAGMENT, { 'if-match': '"7"' })).status).toBe(412)
    expect((await patch(session, FRAGMENT, {})).status).toBe(428)
    const again = await patch(session, FRAGMENT.replace('0iuN', 'neW1'), { 'if-match': '*' })
    expect([again.status, again.headers.get('etag')]).toEqual([200, '"2"'])
    expect(await again.text()).toMatch(/a=ice-ufrag:[0-9a-f]{16}\r\n/)
    expect((await patch(session, offer(), { 'content-type': 'application/sdp' })).status).toBe(409)
    expect((await patch(session, 'x', { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await fetch(session)).status).toBe(405)
    expect((await fetch(session, { method: 'DELETE' })).status).toBe(200)
    expect((await fetch(session, { method: 'DELETE' })).status).toBe(404)
    expect(fixture.rtc.remembered()).toBe(0)
  })

  test('whoever comes second is answered 409, and gets in once the first has gone', async () => {
    const { publish, input } = await fixture.addInput()
    const first = await post(publish, offer())
    expect((await post(publish, offer())).status).toBe(409)
    await fetch(first.headers.get('location') ?? '', { method: 'DELETE' })
    expect(fixture.door.heard.get(input.uid)?.ended).toBe('clean')
    const third = await post(publish, offer({ video: VP8_LINES }))
    expect(third.status).toBe(201)
    fixture.door.cuts.get(input.uid)?.(new Error('Its keys were rotated.'))
    expect(fixture.door.heard.get(input.uid)?.ended).toBe('lost')
  })

  test('refusals have their statuses, and any page can read them', async () => {
    const { publish } = await fixture.addInput()
    const off = await fixture.addInput({ enabled: false })
    const wrong = publish.replace(/\/[0-9a-f]{32}k/, `/${'0'.repeat(32)}k`)
    const cases: [number, RegExp, Promise<Response>][] = [
      [400, /^Unable to parse SDP/, post(publish, 'hello')],
      [400, /^Unable to parse SDP/, post(publish, '')],
      [406, /^Not Acceptable/, post(publish, offer({ direction: 'recvonly' }))],
      [406, /H\.264 or VP8; the offer has AV1\. Allow/, post(publish, offer({ video: AV1_LINES }))],
      [413, /65536/, post(publish, 'a'.repeat(70_000))],
      [415, /application\/sdp/, post(publish, offer(), { 'content-type': 'text/plain' })],
      [404, /^Not Found/, post(wrong, offer())],
      [403, /^Forbidden/, post(off.publish, offer())],
      [405, /POST, OPTIONS/, fetch(publish)],
      [405, /POST, OPTIONS/, fetch(publish, { method: 'DELETE' })],
      [404, /^Not Found/, fetch(`${publish}/${'0'.repeat(32)}`, { method: 'DELETE' })],
    ]
    for (const [status, text, asked] of cases) {
      const answer = await asked
      expect([status, answer.headers.get('access-control-allow-origin')]).toEqual([answer.status, '*'])
      expect(await answer.text()).toMatch(text)
    }
  })

  test('preflights are answered', async () => {
    const { publish } = await fixture.addInput()
    const answer = await fetch(publish, { method: 'OPTIONS' })
    expect(answer.status).toBe(204)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'access-control-allow-methods': 'POST, PATCH, DELETE, OPTIONS',
      'access-control-allow-headers': 'content-type, authorization, if-match, protocol-version',
      'accept-post': 'application/sdp',
    })
  })
})

describe('WHEP', () => {
  test('an offer is answered as WHIP answers', async () => {
    const { play, input } = await fixture.addInput()
    broadcast(input.uid)
    const answer = await post(play, offer({ direction: 'recvonly' }))
    expect([answer.status, answer.headers.get('protocol-version')]).toEqual([201, 'draft-murillo-whep-01'])
    expect(await answer.text()).toContain('a=sendonly\r\n')
    const session = answer.headers.get('location') ?? ''
    expect(session).toContain(`/${input.uid}/webRTC/play/`)
    expect((await patch(session, FRAGMENT, { 'if-match': '"1"' })).status).toBe(204)
    expect((await fetch(session, { method: 'DELETE' })).status).toBe(200)
  })

  test('without an offer there is one of ours, which takes one answer', async () => {
    const { play, input } = await fixture.addInput()
    broadcast(input.uid)
    const asked = await fetch(play, { method: 'POST' })
    expect(asked.status).toBe(201)
    expect(await asked.text()).toContain('a=setup:actpass\r\n')
    const session = asked.headers.get('location') ?? ''
    const type = { 'content-type': 'application/sdp' }
    expect((await patch(session, 'nonsense', type)).status).toBe(400)
    const answer = offer({ direction: 'recvonly' }).replaceAll('actpass', 'active')
    expect((await patch(session, answer, type)).status).toBe(204)
    expect((await patch(session, answer, type)).status).toBe(409)
    await fetch(session, { method: 'DELETE' })
  })

  test('refusals', async () => {
    const idle = await fixture.addInput()
    const signed = await fixture.addInput({ recording: { requireSignedUrls: true } })
    const elsewhere = await fixture.addInput({ recording: { allowedOrigins: ['shop.example.com'] } })
    const reordered = await fixture.addInput()
    broadcast(reordered.input.uid, { reorders: true })
    broadcast(elsewhere.input.uid)
    const viewer = offer({ direction: 'recvonly' })
    const origin = { origin: 'https://shop.example.com' }
    const cases: [number, RegExp, Promise<Response>][] = [
      [409, /^Live broadcast not started yet/, post(idle.play, viewer)],
      [409, /^Live broadcast not started yet/, fetch(idle.play, { method: 'POST' })],
      [400, /^Unable to parse SDP/, post(idle.play, 'hello')],
      [401, /signed token/, post(signed.play, viewer)],
      [403, /certain web pages/, post(elsewhere.play, viewer)],
      [201, /v=0/, post(elsewhere.play, viewer, origin)],
      [406, /B-frames/, post(reordered.play, viewer)],
      [406, /H.264/, post(elsewhere.play, offer({ direction: 'recvonly', video: VP8_LINES }), origin)],
      [404, /^Not Found/, post(idle.play.replace(idle.input.uid, '0'.repeat(32)), viewer)],
      [405, /POST, OPTIONS/, fetch(idle.play)],
    ]
    for (const [status, text, asked] of cases) {
      const answer = await asked
      expect([answer.status, await answer.text()]).toEqual([status, expect.stringMatching(text)])
    }
  })

  test('more connections than may be are answered 503, to be tried again', async () => {
    const { play, input } = await fixture.addInput()
    broadcast(input.uid)
    const viewer = offer({ direction: 'recvonly' })
    const answers: Response[] = []
    while (answers.at(-1)?.status !== 503 && answers.length < 30) answers.push(await post(play, viewer))
    expect([answers.at(-1)?.status, answers.at(-1)?.headers.get('retry-after')]).toEqual([503, '5'])
    for (const answer of answers) await fetch(answer.headers.get('location') ?? play, { method: 'DELETE' })
    expect((await post(play, viewer)).status).toBe(201)
  })
})

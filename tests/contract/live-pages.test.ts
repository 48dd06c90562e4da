/** The player pages of live inputs: there while nobody broadcasts, and for whom the input's own settings let in. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ApiServer } from '../harness/api-server.ts'
import { type RawAnswer, send } from '../harness/raw-http.ts'
import { inSeconds, readPem, signJwt } from '../harness/sign-token.ts'
import { startPageServer } from '../harness/page-server.ts'

type Json = Record<string, unknown>

let server: ApiServer

beforeAll(async () => {
  const { api } = await startPageServer()
  server = api
})
afterAll(() => server.close())

const get = (path: string, headers: Record<string, string> = {}): Promise<RawAnswer> =>
  send(server.url, path, { headers })

describe('the pages of a live input', () => {
  async function call(path: string, body: Json): Promise<Json> {
    const { apiUrl, accountId, token } = server
    const response = await fetch(`${apiUrl}/accounts/${accountId}/stream${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    })
    expect(response.status).toBe(200)
    return ((await response.json()) as { result: Json }).result
  }
  const addInput = async (recording: Json, more: Json = {}) =>
    String((await call('/live_inputs', { recording, ...more }))['uid'])

  test('are there while nobody broadcasts, and say how it will be watched', async () => {
    const uid = await addInput({ mode: 'automatic' }, { preferLowLatency: true })
    const page = await get(`/${uid}/watch`)
    expect(page.status).toBe(200)
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'")
    expect(page.text).toContain('<title>Live stream</title>')
    const { status, text } = await get(`/${uid}/headwater/status.json`)
    expect(status).toBe(200)
    expect(JSON.parse(text)).toEqual({
      state: 'idle',
      playable: false,
      pctComplete: null,
      complete: false,
      sentence: 'Stream has not started yet.',
      advice: null,
      durationSeconds: null,
      width: null,
      height: null,
      live: { isInput: true, running: false, hls: true, lowLatency: true, realTime: false },
    })
    const off = await addInput({ mode: 'off' })
    const told = JSON.parse((await get(`/${off}/headwater/status.json`)).text) as Json
    expect(told['live']).toMatchObject({ hls: false, lowLatency: false })
    const bare = await get(`/${uid}`)
    expect([bare.status, bare.headers.location]).toEqual([302, `${server.url}/${uid}/watch`])
  })

  test('ask for a token where the input does, and take one that was signed for it', async () => {
    const uid = await addInput({ mode: 'automatic', requireSignedURLs: true })
    const closed = await get(`/${uid}/iframe`)
    expect(closed.status).toBe(401)
    expect(closed.text).toContain('This video is protected')
    expect(closed.text).not.toContain('<script')
    expect((await get(`/${uid}/headwater/status.json`)).status).toBe(401)
    const key = await call('/keys', {})
    const tokenWith = (more: Json) =>
      signJwt({
        header: { kid: key['id'] },
        payload: { sub: uid, exp: inSeconds(600), ...more },
        key: readPem(String(key['pem'])),
      })
    const page = await get(`/${tokenWith({})}/watch`)
    expect(page.status).toBe(200)
    expect(page.text).toContain('"state":"idle"')
    const rules = [{ type: 'any', action: 'block' }]
    expect((await get(`/${tokenWith({ accessRules: rules })}/watch`)).status).toBe(403)
  })

  test('may be framed by the pages that the input allows', async () => {
    const uid = await addInput({ mode: 'automatic', allowedOrigins: ['*.example.com'] })
    const { headers } = await get(`/${uid}/iframe`)
    expect(headers['content-security-policy']).toContain(
      'frame-ancestors http://*.example.com https://*.example.com',
    )
    const foreign = await get(`/${uid}/iframe`, {
      referer: 'https://elsewhere.example/',
      'sec-fetch-dest': 'iframe',
    })
    expect(foreign.status).toBe(403)
  })
})

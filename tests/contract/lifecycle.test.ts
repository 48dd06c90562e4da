/** `/<id>/lifecycle` and `/<id>/views` (live.md §3.1, §3.2), and tokens for live inputs (spec §5.1), of the real program. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { callApi, startServer, type TestServer } from '../harness/server.ts'

let server: TestServer
let input: string
beforeAll(async () => {
  server = await startServer()
  input = (await callApi<{ uid: string }>(server, '/stream/live_inputs', { method: 'POST' })).uid
})
afterAll(() => server.stop())

const IDLE = { isInput: true, videoUID: null, live: false, status: 'disconnected' }

async function get(path: string): Promise<{ status: number; headers: Headers; body: string }> {
  const response = await fetch(`${server.url}/${path}`, { headers: { origin: 'https://page.example.com' } })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

test('an input that is idle says so to anybody, on any page', async () => {
  const { status, headers, body } = await get(`${input}/lifecycle`)
  expect(status).toBe(200)
  expect(JSON.parse(body)).toEqual(IDLE)
  expect(headers.get('access-control-allow-origin')).toBe('*')
  expect(headers.get('content-type')).toMatch(/^application\/json/)
  expect(headers.get('cache-control')).toBe('no-store')
  expect(JSON.parse((await get(`${input}/views`)).body)).toEqual({ liveViewers: 0 })
})

test('a token may be signed for an input, and stands in its place', async () => {
  const path = `/stream/${input}/token`
  const { token } = await callApi<{ token: string }>(server, path, { method: 'POST', body: {} })
  expect(JSON.parse((await get(`${token}/lifecycle`)).body)).toEqual(IDLE)
  const broken = `${token.slice(0, -4)}AAAA`
  expect((await get(`${broken}/lifecycle`)).status).toBe(401)
})

test('a token for an input goes when the input does', async () => {
  const { uid } = await callApi<{ uid: string }>(server, '/stream/live_inputs', { method: 'POST' })
  const { token } = await callApi<{ token: string }>(server, `/stream/${uid}/token`, { method: 'POST' })
  expect((await get(`${token}/lifecycle`)).status).toBe(200)
  await callApi(server, `/stream/live_inputs/${uid}`, { method: 'DELETE' })
  expect((await get(`${token}/lifecycle`)).status).toBe(404)
  await expect(callApi(server, `/stream/${uid}/token`, { method: 'POST' })).rejects.toThrow('answered 404')
})

test('the count of viewers may be hidden', async () => {
  const body = { recording: { hideLiveViewerCount: true } }
  const { uid } = await callApi<{ uid: string }>(server, '/stream/live_inputs', { method: 'POST', body })
  expect((await get(`${uid}/views`)).status).toBe(403)
})

test('what nobody knows is 404', async () => {
  for (const word of ['lifecycle', 'views']) {
    for (const id of ['f'.repeat(32), 'x']) expect((await get(`${id}/${word}`)).status).toBe(404)
  }
})

test('keys of an input are in none of its lines', async () => {
  const made = await callApi<{ uid: string; rtmps: { streamKey: string } }>(
    server,
    `/stream/live_inputs/${input}/rotate_keys`,
    { method: 'POST' },
  )
  await get(`${made.rtmps.streamKey}/webRTC/publish`)
  await get(`${made.rtmps.streamKey}/lifecycle`)
  await expect.poll(() => server.output()).toContain('rotate_keys')
  expect(server.output()).not.toContain(made.rtmps.streamKey.slice(0, 32))
})

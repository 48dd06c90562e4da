/** Outputs of live inputs and the live notification, field by field (spec §12, live.md §8, §10). */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import type { Envelope } from '../harness/raw-http.ts'
import { type Input, liveInputCalls, TIME, UID, UNKNOWN } from './live-input-calls.ts'

let server: ApiServer
beforeAll(async () => {
  server = await startApi({ allowPrivateFetch: true })
})
afterAll(() => server.close())

const { call, newInput, enter } = liveInputCalls(() => server)

describe('an output', () => {
  const add = (uid: string, fields: object) => call('POST', `/${uid}/outputs`, fields)
  const good = { url: 'srt://live.example.com:9000', streamKey: '' }

  test('shows its status', async () => {
    const { uid } = await newInput()
    const { result } = await add(uid, good)
    await enter(result.uid, 'failed_to_connect')
    const listed = (await call('GET', `/${uid}/outputs`)).result as unknown as Input[]
    expect(listed).toMatchObject([
      { ...good, status: { current: { state: 'disconnected', reason: 'failed_to_connect' }, history: [] } },
    ])
  })

  test.each([
    [{ streamKey: 'k' }, 10005, 'url'],
    [{ url: 'rtmp://example.com/a' }, 10005, 'streamKey'],
    [{ url: 1, streamKey: 'k' }, 10004, 'url'],
    [{ url: 'https://example.com/a', streamKey: 'k' }, 10005, 'url'],
    [{ url: 'rtmp://169.254.169.254/a', streamKey: 'k' }, 10005, 'url'],
    [{ url: 'rtmp://example.com/a', streamKey: '' }, 10005, 'streamKey'],
    [{ url: 'rtmp://example.com/a', streamKey: 'k', enabled: 1 }, 10004, 'enabled'],
  ])('is refused as %j', async (fields, code, field) => {
    const { uid } = await newInput()
    const answer = await add(uid, fields)
    expect(answer.status).toBe(400)
    expect(answer.errors).toMatchObject([{ code, source: { pointer: `/${field}` } }])
  })

  test('is refused at a private address unless that is allowed', async () => {
    const strict = await startApi()
    try {
      const below = `${strict.apiUrl}/accounts/${strict.accountId}/stream/live_inputs`
      const post = async (url: string, body: object) => {
        const headers = { authorization: `Bearer ${strict.token}` }
        const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
        return (await response.json()) as Envelope & { result: { uid: string } | null }
      }
      const made = await post(below, {})
      const refused = await post(`${below}/${made.result?.uid}/outputs`, {
        url: 'rtmp://127.0.0.1/app',
        streamKey: 'k',
      })
      expect(refused.errors).toMatchObject([
        { code: 10005, message: expect.stringContaining('HEADWATER_ALLOW_PRIVATE_FETCH') as string },
      ])
    } finally {
      await strict.close()
    }
    const { uid } = await newInput()
    expect((await add(uid, { url: 'rtmp://127.0.0.1/app', streamKey: 'k' })).status).toBe(200)
  })

  test('is the fiftieth at most', async () => {
    const { uid } = await newInput()
    for (let count = 0; count < 50; count += 1) expect((await add(uid, good)).status).toBe(200)
    expect(await add(uid, good)).toMatchObject({ status: 400, errors: [{ code: 10005 }] })
  })

  test('only `enabled` of it changes, and it must be given', async () => {
    const { uid } = await newInput()
    const made = await add(uid, good)
    const path = `/${uid}/outputs/${made.result.uid}`
    const changed = await call('PUT', path, { enabled: false, url: 'rtmp://elsewhere.example.com/a' })
    expect(changed.result).toEqual({ ...made.result, enabled: false })
    expect(await call('PUT', path, {})).toMatchObject({ status: 400, errors: [{ code: 10005 }] })
    expect(await call('PUT', `/${uid}/outputs/${UNKNOWN}`, { enabled: true })).toMatchObject({ status: 404 })
    expect(await call('DELETE', `/${uid}/outputs/${UNKNOWN}`)).toMatchObject({ status: 404 })
    expect(await call('DELETE', path)).toMatchObject({ status: 200, result: '' })
  })

  test('alone cannot be asked for: 405/10006', async () => {
    const { uid } = await newInput()
    const { result } = await add(uid, good)
    const answer = await call('GET', `/${uid}/outputs/${result.uid}`)
    expect(answer).toMatchObject({ status: 405, errors: [{ code: 10006 }] })
    expect(answer.headers.get('allow')).toBe('PUT, DELETE')
  })
})

describe('the live notification', () => {
  async function notify(method: string, body?: object, account = server.accountId, token = server.token) {
    const path = `${server.apiUrl}/accounts/${account}/headwater/live-notification`
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(path, { method, headers, body: body ? JSON.stringify(body) : null })
    return { status: response.status, ...((await response.json()) as Envelope) }
  }

  test('is set, shown, changed and ended', async () => {
    expect(await notify('GET')).toMatchObject({ status: 404, errors: [{ code: 10003 }] })
    const { uid } = await newInput()
    const given = { name: 'studio', url: 'http://127.0.0.1:9/hook', secret: 'word', inputs: [uid] }
    const made = await notify('PUT', given)
    const id = expect.stringMatching(UID) as string
    expect(made.result).toEqual({ ...given, id, created: TIME, modified: TIME })
    expect((await notify('GET')).result).toEqual(made.result)
    await enter(uid, 'connected')
    const calls = await fetch(`${server.apiUrl}/accounts/${server.accountId}/headwater/webhook-calls`, {
      headers: { authorization: `Bearer ${server.token}` },
    })
    expect(await calls.json()).toMatchObject({
      result: [{ webhook: (made.result as { id: string }).id, uid, event: 'live_input.connected' }],
    })
    expect(await notify('PUT', { url: given.url })).toMatchObject({
      result: { secret: 'word', inputs: [], name: 'Live inputs' },
    })
    expect((await notify('DELETE')).result).toBe('ok')
    expect((await notify('DELETE')).status).toBe(404)
  })

  test.each([
    [{}, 10005],
    [{ url: 1 }, 10004],
    [{ url: 'nowhere' }, 10005],
    [{ url: 'http://127.0.0.1:9/', inputs: [UNKNOWN] }, 10005],
    [{ url: 'http://127.0.0.1:9/', secret: 'two words' }, 10005],
    [{ url: 'http://127.0.0.1:9/', name: '' }, 10005],
  ])('is not set to %j', async (body, code) => {
    expect(await notify('PUT', body)).toMatchObject({ status: 400, errors: [{ code }] })
  })
})

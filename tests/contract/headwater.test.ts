/** Our own calls: API tokens, the dashboard's sign-in, events, and what operators ask. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApiToken } from '../../src/core/access/index.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { type RawAnswer, send } from '../harness/raw-http.ts'

let server: ApiServer

beforeAll(async () => {
  server = await startApi()
})
afterAll(() => server.close())

type Options = { token?: string; headers?: Record<string, string>; body?: unknown }

function call(method: string, path: string, { token, headers, body }: Options = {}): Promise<RawAnswer> {
  return send(server.url, path, {
    method,
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
}

describe('API tokens', () => {
  const tokens = (rest = '') => `/client/v4/accounts/${server.accountId}/headwater/tokens${rest}`

  test('are made, shown once, listed and revoked', async () => {
    const { token } = server
    const made = (await call('POST', tokens(), { token, body: { name: 'phone', permission: 'read' } })).json()
    expect(made.result).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      name: 'phone',
      permission: 'read',
      token: expect.stringMatching(/^[\w-]{40}$/),
    })
    const { id, token: secret } = made.result as { id: string; token: string }
    expect((await call('GET', tokens(), { token: secret })).status).toBe(200)
    const listed = await call('GET', tokens(), { token })
    expect(listed.text).not.toContain(secret)
    expect(listed.json().result).toContainEqual({
      id,
      name: 'phone',
      permission: 'read',
      created: expect.stringMatching(/Z$/),
      revoked: null,
    })
    expect((await call('DELETE', tokens(`/${id}`), { token })).json().result).toEqual({ id })
    expect((await call('GET', tokens(), { token: secret })).status).toBe(401)
    expect((await call('DELETE', tokens(`/${'0'.repeat(32)}`), { token })).status).toBe(404)
  })

  test('are refused without a name, and to readers', async () => {
    expect((await call('POST', tokens(), { token: server.token })).json().errors[0]?.code).toBe(10005)
    expect(
      (await call('POST', tokens(), { token: server.token, body: { name: 'x', permission: 'all' } })).json()
        .errors[0]?.code,
    ).toBe(10005)
    expect((await call('POST', tokens(), { token: server.readToken, body: { name: 'x' } })).status).toBe(403)
  })
})

describe('the dashboard', () => {
  const SESSION = '/dashboard/session'
  const OWN = { 'sec-fetch-site': 'same-origin' }
  const videos = () => `/client/v4/accounts/${server.accountId}/stream`

  async function signIn(): Promise<Record<string, string>> {
    const answer = await call('POST', SESSION, { headers: OWN, body: { token: server.token } })
    return { cookie: answer.headers['set-cookie']?.split(';')[0] ?? '' }
  }

  test('signs in with a token and gets a cookie no script can read', async () => {
    const answer = await call('POST', SESSION, { headers: OWN, body: { token: server.token } })
    expect(answer.json().result).toEqual({ account_id: server.accountId, permission: 'write' })
    expect(answer.headers['set-cookie']).toMatch(
      /^headwater_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/,
    )
  })

  test('signs in with a code once', async () => {
    const body = { code: server.signInCodes.issue(server.accountId) }
    expect((await call('POST', SESSION, { headers: OWN, body })).status).toBe(200)
    expect((await call('POST', SESSION, { headers: OWN, body })).status).toBe(401)
  })

  test.each([
    [{}, 400],
    [{ token: 'unknown' }, 401],
    [{ code: 'unknown' }, 401],
    [{ token: 5 }, 400],
  ])('refuses %j', async (body, status) => {
    expect((await call('POST', SESSION, { headers: OWN, body })).status).toBe(status)
  })

  test('refuses a token that may only read', async () => {
    expect((await call('POST', SESSION, { headers: OWN, body: { token: server.readToken } })).status).toBe(
      403,
    )
  })

  test('refuses to be signed in by another page', async () => {
    const body = { token: server.token }
    const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    expect((await call('POST', SESSION, { headers: foreign, body })).status).toBe(403)
    expect((await call('POST', SESSION, { headers: { origin: 'https://evil.example' }, body })).status).toBe(
      403,
    )
  })

  test('the cookie opens the API for its own pages and nobody else', async () => {
    const cookie = await signIn()
    const host = new URL(server.url).host
    const { uid } = await server.addVideo()
    for (const headers of [OWN, { origin: `http://${host}` }]) {
      const answer = await call('POST', `${videos()}/${uid}`, { headers: { ...cookie, ...headers } })
      expect(answer.status).toBe(200)
    }
    expect((await call('GET', videos(), { headers: cookie })).status).toBe(200)
    for (const headers of [
      {},
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'none' },
    ] as Record<string, string>[]) {
      const answer = await call('DELETE', `${videos()}/${uid}`, { headers: { ...cookie, ...headers } })
      expect(answer.status).toBe(401)
    }
  })

  test('knows who is signed in, until they sign out', async () => {
    const headers = { ...(await signIn()), ...OWN }
    expect((await call('GET', SESSION, { headers })).json().result).toEqual({
      account_id: server.accountId,
      permission: 'write',
    })
    const out = await call('DELETE', SESSION, { headers })
    expect(out.headers['set-cookie']).toContain('Max-Age=0')
    expect((await call('GET', SESSION, { headers })).status).toBe(401)
  })

  test('asks nobody who is not signed in', async () => {
    expect((await call('GET', SESSION)).status).toBe(401)
  })
})

describe('events', () => {
  test('tell what happened to a video, in order', async () => {
    const { uid } = await server.addVideo({ state: 'queued' })
    await call('POST', `/client/v4/accounts/${server.accountId}/stream/${uid}`, {
      token: server.token,
      body: { creator: 'x' },
    })
    const path = `/client/v4/accounts/${server.accountId}/headwater/videos/${uid}/events`
    expect((await call('GET', path, { token: server.readToken })).json().result).toMatchObject({
      complete: false,
      renditions: [],
      events: [
        { kind: 'created', at: expect.stringMatching(/Z$/), detail: { state: 'queued' } },
        { kind: 'edited', detail: { fields: ['creator'] } },
      ],
    })
    const unknown = path.replace(uid, '0'.repeat(32))
    expect((await call('GET', unknown, { token: server.token })).status).toBe(404)
  })
})

describe('what operators ask', () => {
  test.each(['/healthz', '/readyz', '/metrics', '/openapi.json', '/healthz/'])('%s answers', async (path) => {
    const answer = await call('GET', path)
    expect(answer.status).toBe(200)
    expect(answer.text.length).toBeGreaterThan(1)
    expect(await call('HEAD', path)).toMatchObject({ status: 200, text: '' })
    expect((await call('POST', path)).status).toBe(405)
  })

  test('metrics count requests by route, never by address', async () => {
    const { uid } = await server.addVideo()
    await call('GET', `/client/v4/accounts/${server.accountId}/stream/${uid}`, { token: server.token })
    const { text } = await call('GET', '/metrics')
    expect(text).toContain('route="/client/v4/accounts/{account_id}/stream/{uid}",status="200"')
    expect(text).toContain('headwater_jobs{state="queued"} 0')
    expect(text).toContain('nodejs_eventloop_lag_seconds')
    expect(text).not.toContain(uid)
  })

  test('the OpenAPI document names every call once, with its schemas', async () => {
    const document = JSON.parse((await call('GET', '/openapi.json')).text)
    expect(document.servers).toEqual([{ url: server.url }])
    const stream = document.paths['/client/v4/accounts/{account_id}/stream']
    expect(stream.get.parameters.map((one: { name: string }) => one.name)).toContain('include_counts')
    const edit = document.paths['/client/v4/accounts/{account_id}/stream/{uid}'].post
    expect(edit.requestBody.content['application/json'].schema.properties).toHaveProperty('publicDetails')
    expect(
      edit.responses[200].content['application/json'].schema.properties.result.properties,
    ).toHaveProperty('status')
    const ids = Object.values(document.paths as Record<string, Record<string, { operationId: string }>>)
      .flatMap((path) => Object.values(path))
      .map((operation) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.length).toBeGreaterThan(50)
  })
})

describe('the rate limit', () => {
  test('refuses the request too many, per token', async () => {
    const limited = await startApi({ settings: { rateLimit: 2 } })
    try {
      const other = await createApiToken(limited.db, limited.clock, {
        accountId: limited.accountId,
        name: 'other',
        permission: 'read',
      })
      const get = (token: string) =>
        send(limited.url, `/client/v4/accounts/${limited.accountId}/stream`, {
          headers: { authorization: `Bearer ${token}` },
        })
      expect((await get(limited.token)).status).toBe(200)
      expect((await get(limited.token)).status).toBe(200)
      const refused = await get(limited.token)
      expect(refused.status).toBe(429)
      expect(refused.json().errors[0]?.code).toBe(10009)
      expect(Number(refused.headers['retry-after'])).toBe(30)
      expect((await get(other.token)).status).toBe(200)
    } finally {
      await limited.close()
    }
  })
})

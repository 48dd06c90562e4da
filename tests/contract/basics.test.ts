/** The rules that every call obeys: credentials (spec §1.1), requests (§1.2), envelope (§1.3), errors (§2). */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAccount, createApiToken, revokeApiToken } from '../../src/core/access/index.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { converse, type RawAnswer, send } from '../harness/raw-http.ts'

let server: ApiServer
let other: { accountId: string; token: string }
let uid: string

beforeAll(async () => {
  server = await startApi({ settings: { apiEmail: 'me@example.com', apiKey: 'a-long-legacy-key' } })
  const { id: accountId } = await createAccount(server.db, server.clock, { name: 'other' })
  const made = await createApiToken(server.db, server.clock, {
    accountId,
    name: 'other',
    permission: 'write',
  })
  other = { accountId, token: made.token }
  uid = (await server.addVideo({ meta: { name: 'first' } })).uid
})
afterAll(() => server.close())

const stream = (rest = '', accountId = server.accountId) => `/client/v4/accounts/${accountId}/stream${rest}`

function call(
  method: string,
  path: string,
  options: { headers?: Record<string, string>; body?: string | Uint8Array } = {},
): Promise<RawAnswer> {
  return send(server.url, path, {
    method,
    body: options.body,
    headers: { authorization: `Bearer ${server.token}`, ...options.headers },
  })
}

function expectFailure(answer: RawAnswer, status: number, code: number): void {
  expect({ status: answer.status, ...answer.json() }).toMatchObject({
    status,
    result: null,
    success: false,
    messages: null,
    errors: [{ code, message: expect.stringMatching(/\S/) }],
  })
  expect(answer.headers['content-type']).toMatch(/^application\/json/)
  expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/)
}

describe('credentials', () => {
  test.each([
    ['none', {}],
    ['an empty header', { authorization: '' }],
    ['another scheme', { authorization: 'Basic abc' }],
    ['no token', { authorization: 'Bearer' }],
    ['an unknown token', { authorization: 'Bearer nobody-knows-this-one' }],
    ['two words', { authorization: 'Bearer a b' }],
    ['a wrong key', { 'x-auth-email': 'me@example.com', 'x-auth-key': 'wrong' }],
    ['an e-mail alone', { 'x-auth-email': 'me@example.com' }],
    ['an unknown session', { cookie: 'headwater_session=abc' }],
  ])('%s is 401/10000', async (_what, headers) => {
    expectFailure(await send(server.url, stream(), { headers }), 401, 10000)
  })

  test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('the scheme may be written %s', async (scheme) => {
    const answer = await call('GET', stream(), { headers: { authorization: `${scheme} ${server.token}` } })
    expect(answer.status).toBe(200)
  })

  test('the configured e-mail and key have full rights', async () => {
    const headers = { 'x-auth-email': 'Me@Example.com', 'x-auth-key': 'a-long-legacy-key' }
    expect((await send(server.url, stream(), { headers })).status).toBe(200)
    const edit = await send(server.url, stream(`/${uid}`), { method: 'POST', headers })
    expect(edit.status).toBe(200)
  })

  test('a token of another account is 403/10000', async () => {
    const headers = { authorization: `Bearer ${other.token}` }
    expectFailure(await call('GET', stream(), { headers }), 403, 10000)
    expectFailure(await call('GET', stream('', other.accountId)), 403, 10000)
  })

  test.each(['0'.repeat(32), 'A'.repeat(32), 'abc', 'undefined'])(
    'the account %s is 404/10003',
    async (accountId) => {
      expectFailure(await call('GET', stream('', accountId)), 404, 10003)
    },
  )

  test('without credentials nobody learns which accounts there are', async () => {
    expectFailure(await send(server.url, stream('', 'abc')), 401, 10000)
  })

  test('a token that may only read gets 403/10000 for every change', async () => {
    const headers = { authorization: `Bearer ${server.readToken}` }
    expect((await call('GET', stream(`/${uid}`), { headers })).status).toBe(200)
    for (const [method, path] of [
      ['POST', `/${uid}`],
      ['DELETE', `/${uid}`],
      ['POST', '/keys'],
      ['POST', `/${uid}/token`],
      ['PUT', '/live_inputs/0123456789abcdef0123456789abcdef'],
    ] as const) {
      expectFailure(await call(method, stream(path), { headers }), 403, 10000)
    }
  })

  test('a revoked token is 401 at once', async () => {
    const { db, clock, accountId } = server
    const made = await createApiToken(db, clock, { accountId, name: 'short-lived', permission: 'write' })
    const headers = { authorization: `Bearer ${made.token}` }
    expect((await call('GET', stream(), { headers })).status).toBe(200)
    await revokeApiToken(db, clock, accountId, made.id)
    expectFailure(await call('GET', stream(), { headers }), 401, 10000)
  })

  test('a good token verifies, a bad one is told with number 1000', async () => {
    const good = await call('GET', '/client/v4/user/tokens/verify')
    expect(good.json()).toEqual({
      result: { id: expect.stringMatching(/^[0-9a-f]{32}$/), status: 'active' },
      success: true,
      errors: [],
      messages: [{ code: 10000, message: 'This API Token is valid and active' }],
    })
    expectFailure(await send(server.url, '/client/v4/user/tokens/verify'), 401, 1000)
  })

  test('no credential ever reaches the log', () => {
    const log = server.logLines.join('\n')
    for (const secret of [server.token, server.readToken, other.token, 'a-long-legacy-key', 'nobody-knows']) {
      expect(log).not.toContain(secret)
    }
    expect(log).toContain('"status":401')
  })
})

describe('a JSON body', () => {
  const edit = (body: string | Uint8Array | undefined, headers: Record<string, string> = {}) =>
    call('POST', stream(`/${uid}`), { body, headers })

  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/x-www-form-urlencoded',
    'text/plain',
    'not a media type at all',
    ';;;',
  ])('sent as %j is parsed as JSON', async (type) => {
    const answer = await edit('{"creator":"by type"}', { 'content-type': type })
    expect(answer.json()).toMatchObject({ success: true, result: { creator: 'by type' } })
  })

  test('may be absent, whatever the content type says, and then changes nothing', async () => {
    const before = (await call('GET', stream(`/${uid}`))).json()
    for (const type of ['', 'application/json']) {
      const answer = await edit(undefined, { 'content-type': type })
      expect(answer.status).toBe(200)
      expect(answer.json().result).toEqual(before.result)
    }
  })

  test('a GET or DELETE may say application/json without one', async () => {
    const headers = { 'content-type': 'application/json' }
    expect((await call('GET', stream(), { headers })).status).toBe(200)
    const { uid } = await server.addVideo()
    expect((await call('DELETE', stream(`/${uid}`), { headers })).status).toBe(200)
  })

  test('keys match in any case and unknown ones are ignored', async () => {
    const answer = await edit('{"CREATOR":"loud","PublicDetails":{"Title":"T"},"nonsense":[1]}')
    expect(answer.json()).toMatchObject({ result: { creator: 'loud', publicDetails: { title: 'T' } } })
  })

  test.each([
    ['{', 'cut off'],
    ['', 'nothing but a blank'],
    ['[]', 'an array'],
    ['"text"', 'a text'],
    ['null', 'null'],
    ['{"creator":5}', 'a number for a text'],
    ['{"requireSignedURLs":"true"}', 'a text for a boolean'],
    ['{"meta":[]}', 'an array for an object'],
    ['{"allowedOrigins":"a.com"}', 'a text for an array'],
  ])('%j (%s) is 400/10004', async (body) => {
    expectFailure(await edit(body === '' ? ' ' : body), 400, 10004)
  })

  test('that is no UTF-8 is 400/10004', async () => {
    expectFailure(await edit(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), 400, 10004)
  })

  test('multipart where JSON is expected is 400/10004', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }
    expectFailure(await edit('--x--', headers), 400, 10004)
  })

  test('a bad value is 400/10005 and names the field', async () => {
    const answer = await edit('{"thumbnailTimestampPct":1.5}')
    expectFailure(answer, 400, 10005)
    expect(answer.json().errors[0]).toMatchObject({
      message: expect.stringContaining('thumbnailTimestampPct'),
      source: { pointer: '/thumbnailTimestampPct' },
    })
  })

  test('over 1 MiB is 413/10008, announced or not', async () => {
    const body = `{"x":"${'x'.repeat(1_100_000)}"}`
    expectFailure(await edit(body), 413, 10008)
    const headers = { 'transfer-encoding': 'chunked' }
    expectFailure(await edit(body, headers), 413, 10008)
  })

  test('of exactly 1 MiB is read', async () => {
    expect((await edit(`{"x":"${'x'.repeat(1_048_576 - 8)}"}`)).status).toBe(200)
  })

  test('a refusal reaches a client that goes on sending', async () => {
    const { host } = new URL(server.url)
    const head = `POST ${stream(`/${uid}`)} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 50000000\r\n\r\n`
    const text = await converse(
      server.url,
      Buffer.concat([Buffer.from(head), Buffer.alloc(3_000_000)]),
      3_000,
    )
    expect(text).toMatch(/^HTTP\/1\.1 401 /)
    expect(text.toLowerCase()).toContain('connection: close')
  })

  test('that waits for 100 gets it, or the refusal at once', async () => {
    const { host } = new URL(server.url)
    const head = (authorization: string) =>
      `POST ${stream(`/${uid}`)} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${authorization}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`
    expect(await converse(server.url, head(`Bearer ${server.token}`))).toMatch(/^HTTP\/1\.1 100 Continue\r\n/)
    expect(await converse(server.url, head('Bearer wrong'))).toMatch(/^HTTP\/1\.1 401 /)
  })
})

describe('an address', () => {
  test('may end in one slash', async () => {
    expect((await call('GET', `${stream()}/`)).status).toBe(200)
    expect((await call('GET', `${stream(`/${uid}`)}/?x=1`)).status).toBe(200)
  })

  test.each([
    '/client/v4',
    '/client/v4/nothing',
    '/client/v4/account',
    '/client/v4/zones',
    '/client/v5/accounts',
    '/dashboard/nothing',
  ])('%s is 404/7003', async (path) => {
    expectFailure(await call('GET', path), 404, 7003)
  })

  test('below the stream that nobody knows is 404/7003', async () => {
    for (const rest of [`/${uid}/nothing`, `/${uid}/captions/en/nothing`]) {
      expectFailure(await call('GET', stream(rest)), 404, 7003)
    }
  })

  test.each([
    ['PUT', '', 'GET, HEAD, POST'],
    ['PUT', '/UID', 'GET, HEAD, POST, DELETE'],
    ['PATCH', '/UID', 'GET, HEAD, POST, DELETE'],
    ['OPTIONS', '/UID', 'GET, HEAD, POST, DELETE'],
    ['PURGE', '/UID', 'GET, HEAD, POST, DELETE'],
    ['GET', '/copy', 'POST'],
    ['GET', '/direct_upload', 'POST'],
    ['POST', '/storage-usage', 'GET, HEAD'],
    ['POST', '/UID/embed', 'GET, HEAD'],
    ['GET', '/live_inputs/UID/outputs/UID', 'PUT, DELETE'],
  ])('%s %s is 405/10006 with Allow', async (method, rest, allow) => {
    const answer = await call(method, stream(rest.replaceAll('UID', uid)))
    expectFailure(answer, 405, 10006)
    expect(answer.headers.allow).toBe(allow)
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  })

  test.each(['x', 'A'.repeat(32), '0'.repeat(31), '0'.repeat(33), '0'.repeat(32), 'null', '%20'])(
    'the video id %s is 404/10003',
    async (id) => {
      expectFailure(await call('GET', stream(`/${id}`)), 404, 10003)
    },
  )

  test.each(['/client/v4/%', '/client/v4/%ff', '/client/%00', '/client/v4/../v4', '/client/a%2fb'])(
    '%s is 400',
    async (path) => {
      expectFailure(await call('GET', path), 400, 10005)
    },
  )

  test('with a part longer than any of ours is 404/7003', async () => {
    expectFailure(await call('GET', stream(`/${'x'.repeat(9_000)}`)), 404, 7003)
  })

  test('may be given in absolute form', async () => {
    expect((await call('GET', server.url + stream())).status).toBe(200)
  })

  test('with an impossible Host header is 400', async () => {
    const headers = { host: 'a b' }
    const text = await converse(server.url, `GET /client/v4/x HTTP/1.1\r\nHost: ${headers.host}\r\n\r\n`)
    expect(text).toMatch(/^HTTP\/1\.1 4\d\d /)
  })

  test('outside the API that nobody knows is a plain 404', async () => {
    const answer = await send(server.url, '/no/such/page')
    expect(answer.status).toBe(404)
    expect(answer.headers['content-type']).toMatch(/^text\/plain/)
  })

  test('a video of another account is 404/10003', async () => {
    const foreign = await server.addVideo({ accountId: other.accountId })
    expectFailure(await call('GET', stream(`/${foreign.uid}`)), 404, 10003)
    expectFailure(await call('POST', stream(`/${foreign.uid}`)), 404, 10003)
    expectFailure(await call('DELETE', stream(`/${foreign.uid}`)), 404, 10003)
  })

  test('HEAD answers like GET without a body', async () => {
    const answer = await call('HEAD', stream(`/${uid}`))
    expect(answer).toMatchObject({ status: 200, text: '' })
    expect(Number(answer.headers['content-length'])).toBeGreaterThan(100)
    expect(await call('HEAD', stream('/x'))).toMatchObject({ status: 404, text: '' })
  })
})

describe('the envelope', () => {
  test('of a success', async () => {
    const answer = await call('GET', stream(`/${uid}`))
    expect(Object.keys(answer.json())).toEqual(['result', 'success', 'errors', 'messages'])
    expect(answer.json()).toMatchObject({ success: true, errors: [], messages: [] })
    expect(answer.headers['content-type']).toMatch(/^application\/json/)
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/)
  })

  test('the API sends no CORS headers', async () => {
    const answer = await call('GET', stream(), { headers: { origin: 'https://example.com' } })
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })
})

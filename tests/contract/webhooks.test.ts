/** `client.stream.webhooks` by the official client (webhooks.md §1), and our own calls for further webhooks and the log. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failVideo, type Video } from '../../src/core/videos/index.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { type RawAnswer, send } from '../harness/raw-http.ts'
import { type Client, SDKS, violations } from './sdk.ts'

/** A public address, of which nothing is asked when it is set. */
const URL_A = 'https://93.184.216.34/webhook?key=a'
const URL_B = 'http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:8080/'
const SECRET = /^[0-9a-f]{32}$/
const NOWHERE = '0'.repeat(32)

let server: ApiServer

beforeAll(async () => {
  server = await startApi()
})
afterAll(async () => {
  await server.close()
  expect(violations).toEqual([])
})

function call(method: string, path: string, body?: unknown, token = server.token): Promise<RawAnswer> {
  return send(server.url, `/client/v4/accounts/${server.accountId}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
}

async function result<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await call(method, path, body)
  expect(answer.status, answer.text).toBe(200)
  return answer.json().result as T
}

type Main = { notificationUrl: string; notification_url: string; modified: string; secret: string }
type Own = { id: string; url: string; secret: string; events: string[]; main: boolean }
type LogCall = { id: string; webhook: string; uid: string; state: string; event: string; error: string }

describe.each(SDKS)('cloudflare %s', (_version, create) => {
  let client: Client
  let account: { account_id: string }

  beforeAll(() => {
    client = create({ baseURL: server.apiUrl, apiToken: server.token })
    account = { account_id: server.accountId }
  })

  test('stream.webhooks.update, get and delete', async () => {
    const none = { status: 404, errors: [{ code: 10003 }] }
    await expect(client.stream.webhooks.get(account)).rejects.toMatchObject(none)
    await expect(client.stream.webhooks.delete(account)).rejects.toMatchObject(none)
    const set = await client.stream.webhooks.update({ ...account, notificationUrl: URL_A })
    expect(set).toEqual({
      notificationUrl: URL_A,
      notification_url: URL_A,
      modified: expect.stringMatching(/^20.*Z$/),
      secret: expect.stringMatching(SECRET),
    })
    expect(await client.stream.webhooks.get(account)).toEqual(set)
    const again = await client.stream.webhooks.update({ ...account, notificationUrl: URL_A })
    expect(again.secret).not.toBe(set.secret)
    const moved = await client.stream.webhooks.update({ ...account, notification_url: URL_B })
    expect(moved).toMatchObject({ notificationUrl: URL_B, notification_url: URL_B })
    expect(await client.stream.webhooks.get(account)).toEqual(moved)
    expect(await client.stream.webhooks.delete(account)).toBe('ok')
    await expect(client.stream.webhooks.get(account)).rejects.toMatchObject(none)
  })

  test('an address that cannot be called is its BadRequestError', async () => {
    const refused = client.stream.webhooks.update({ ...account, notificationUrl: 'http://127.0.0.1/' })
    await expect(refused).rejects.toMatchObject({ status: 400, errors: [{ code: 10005 }] })
  })
})

describe('the address of a webhook', () => {
  test.each([
    ['missing', {}, 'notificationUrl'],
    ['without a scheme', { notificationUrl: 'example.com/webhook' }, 'notificationUrl'],
    ['with a port and no scheme', { notification_url: 'example.com:443/webhook' }, 'notification_url'],
    ['with half a scheme', { notificationUrl: 'https:example.com' }, 'notificationUrl'],
    ['of another scheme', { notificationUrl: 'ftp://example.com/' }, 'notificationUrl'],
    ['of nothing', { notificationUrl: '' }, 'notificationUrl'],
    ['without a host', { notificationUrl: 'https://' }, 'notificationUrl'],
    ['of 2,049 characters', { notificationUrl: URL_A.padEnd(2_049, 'x') }, 'notificationUrl'],
    ['on this machine', { notificationUrl: 'http://localhost:8080/' }, 'notificationUrl'],
    ['on this machine, by number', { notificationUrl: 'http://2130706433/' }, 'notificationUrl'],
    ['in a private network', { notificationUrl: 'https://10.1.2.3/' }, 'notificationUrl'],
    ['in a private network, IPv6', { notificationUrl: 'https://[fd00::1]/' }, 'notificationUrl'],
    ['of cloud metadata', { notificationUrl: 'http://169.254.169.254/latest/' }, 'notificationUrl'],
  ])('%s is refused with 10005, by name', async (_, body, field) => {
    const answer = await call('PUT', '/stream/webhook', body)
    expect([answer.status, answer.json().errors[0]?.code]).toEqual([400, 10005])
    expect(answer.text).toContain(field)
    expect((await call('GET', '/stream/webhook')).status).toBe(404)
  })

  test('of a wrong type is 10004; the first of both spellings wins; 2,048 characters are fine', async () => {
    expect((await call('PUT', '/stream/webhook', { notificationUrl: 7 })).json().errors[0]?.code).toBe(10004)
    const both = { notification_url: URL_B, notificationUrl: URL_A.padEnd(2_048, 'x') }
    expect(await result<Main>('PUT', '/stream/webhook', both)).toMatchObject({
      notification_url: both.notificationUrl,
    })
    expect(await result('DELETE', '/stream/webhook')).toBe('ok')
  })

  test('is not repeated when it is refused: there may be a password in it', async () => {
    const answer = await call('PUT', '/stream/webhook', { notificationUrl: 'http://me:hush@10.0.0.1/' })
    expect(answer.status).toBe(400)
    expect(answer.text).not.toContain('hush')
  })

  test('is set and shown to those who may: a token that reads may see it, not change it', async () => {
    await result('PUT', '/stream/webhook', { notificationUrl: URL_A })
    const { readToken } = server
    expect((await call('GET', '/stream/webhook', undefined, readToken)).json().result).toMatchObject({
      notificationUrl: URL_A,
      secret: expect.stringMatching(SECRET),
    })
    for (const [method, path] of [
      ['PUT', '/stream/webhook'],
      ['DELETE', '/stream/webhook'],
      ['POST', '/headwater/webhooks'],
      ['DELETE', `/headwater/webhooks/${NOWHERE}`],
      ['POST', `/headwater/webhook-calls/${NOWHERE}/replay`],
    ] as const) {
      expect(
        (await call(method, path, method === 'DELETE' ? undefined : {}, readToken)).status,
        `${method} ${path}`,
      ).toBe(403)
    }
    await result('DELETE', '/stream/webhook')
  })
})

describe('further webhooks', () => {
  test('are made, listed after the main one and deleted, five at most', async () => {
    const { secret } = await result<Main>('PUT', '/stream/webhook', { notificationUrl: URL_A })
    const made: Own[] = []
    for (const events of [undefined, ['complete'], ['ready', 'complete', 'ready'], ['error'], ['ready']])
      made.push(await result<Own>('POST', '/headwater/webhooks', { url: URL_B, events }))
    expect(made[0]).toEqual({
      id: expect.stringMatching(SECRET),
      url: URL_B,
      secret: expect.stringMatching(SECRET),
      events: ['ready', 'error'],
      main: false,
      created: expect.stringMatching(/Z$/),
      modified: expect.stringMatching(/Z$/),
    })
    expect(made[2]?.events).toEqual(['ready', 'complete'])
    expect(new Set([secret, ...made.map((one) => one.secret)]).size).toBe(6)
    const one = await call('POST', '/headwater/webhooks', { url: URL_B })
    expect([one.status, one.json().errors[0]?.code]).toEqual([409, 10007])
    expect(await result<Own[]>('GET', '/headwater/webhooks')).toMatchObject([
      { url: URL_A, main: true, secret, events: ['ready', 'error'] },
      ...made,
    ])
    const [first, second] = made
    expect(await result('DELETE', `/headwater/webhooks/${second?.id}`)).toEqual({ id: second?.id })
    expect((await call('DELETE', `/headwater/webhooks/${second?.id}`)).status).toBe(404)
    expect((await call('DELETE', '/headwater/webhooks/nothing')).status).toBe(404)
    // Its place is free again, and the vendor's call leaves the others alone.
    const replacement = await result<Own>('POST', '/headwater/webhooks', { url: URL_A })
    await result('DELETE', '/stream/webhook')
    const left = await result<Own[]>('GET', '/headwater/webhooks')
    expect(left.map(({ id }) => id)).toEqual([
      first?.id,
      replacement.id,
      ...made.slice(2).map(({ id }) => id),
    ])
    for (const { id } of left) await result('DELETE', `/headwater/webhooks/${id}`)
  })

  test.each([
    ['no address', {}, 'url'],
    ['a private address', { url: 'http://192.168.0.1/' }, 'url'],
    ['no event', { url: URL_A, events: [] }, 'events'],
    ['an unknown event', { url: URL_A, events: ['ready', 'deleted'] }, 'events.1'],
  ])('with %s are refused, and the field is named', async (_, body, field) => {
    const answer = await call('POST', '/headwater/webhooks', body)
    expect([answer.status, answer.json().errors[0]?.code]).toEqual([400, 10005])
    expect(answer.text).toContain(field)
    expect(await result('GET', '/headwater/webhooks')).toEqual([])
  })
})

describe('the log of calls', () => {
  /** A video that fails while nobody makes the calls. */
  async function fail(video: Video): Promise<void> {
    const failure = { reasonCode: 'ERR_UNKNOWN', detail: {} } as const
    await server.db.transaction().execute((trx) => failVideo(trx, server, video.uid, failure))
  }

  test('shows what is owed, and what was dropped with its webhook', async () => {
    await result('PUT', '/stream/webhook', { notificationUrl: URL_A })
    const [main] = await result<Own[]>('GET', '/headwater/webhooks')
    const videos = [
      await server.addVideo({ state: 'inprogress' }),
      await server.addVideo({ state: 'inprogress' }),
    ]
    for (const video of videos) await fail(video)
    const uids = videos.map(({ uid }) => uid).toReversed()
    const list = (query = '') => result<LogCall[]>('GET', `/headwater/webhook-calls${query}`)
    const calls = await list()
    expect(calls.map(({ uid }) => uid)).toEqual(uids)
    const [newest, oldest] = calls
    expect(newest).toEqual({
      id: expect.stringMatching(SECRET),
      webhook: main?.id,
      uid: uids[0],
      event: 'error',
      state: 'pending',
      created: expect.stringMatching(/Z$/),
      ended: null,
      nextAttempt: expect.stringMatching(/Z$/),
      error: null,
    })
    expect(await list('?limit=1')).toEqual([newest])
    expect(await list(`?before=${newest?.id}`)).toEqual([oldest])
    expect(await list(`?uid=${uids[1]}&state=pending&webhook=${main?.id}`)).toEqual([oldest])
    expect(await list('?state=delivered')).toEqual([])
    expect((await call('GET', '/headwater/webhook-calls?limit=1001')).status).toBe(400)
    expect((await call('GET', '/headwater/webhook-calls?state=lost')).status).toBe(400)
    const path = `/headwater/webhook-calls/${newest?.id}`
    expect(await result('GET', path)).toEqual({ ...newest, attempts: [], body: null })
    expect(await result('POST', `${path}/replay`)).toMatchObject({ id: newest?.id, state: 'pending' })

    await result('DELETE', '/stream/webhook')
    expect(await result('GET', path)).toMatchObject({
      state: 'dropped',
      error: 'The webhook was deleted.',
      nextAttempt: null,
      ended: expect.stringMatching(/Z$/),
    })
    const replay = await call('POST', `${path}/replay`)
    expect([replay.status, replay.json().errors[0]?.code]).toEqual([409, 10007])
    expect((await call('GET', `/headwater/webhook-calls/${NOWHERE}`)).status).toBe(404)
    expect((await call('POST', '/headwater/webhook-calls/nothing/replay')).status).toBe(404)
  })
})

/** Several accounts on one installation: each has everything of its own and sees nothing of the others (spec §1.1). */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failVideo } from '../../src/core/videos/index.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import type { Envelope } from '../harness/raw-http.ts'
import { SDKS, violations } from './sdk.ts'

type Made = { readonly id: string; readonly token: string }

let server: ApiServer
/** Made over the API, as an operator does. */
let other: Made
/** What the first account has, by the word before and the name of the part of a path that takes it. */
let ids: Readonly<Record<string, string>>

const OUTPUT = { url: 'rtmp://127.0.0.1/app', streamKey: 'hers' }

function captionForm(): FormData {
  const form = new FormData()
  form.append('file', new Blob(['WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n']), 'en.vtt')
  return form
}

beforeAll(async () => {
  server = await startApi({ settings: { storageMinutes: 100 }, allowPrivateFetch: true })
  other = (await post('/headwater/accounts', { name: 'other' }, server.operatorToken)).json().result as Made
  const { uid } = await server.addVideo({ meta: { name: 'secret' }, requireSignedUrls: true })
  const account = `/accounts/${server.accountId}`
  const make = async (path: string, body: unknown) =>
    (await post(account + path, body)).json().result as {
      id: string
      uid: string
    }
  const captions = await call('PUT', `${account}/stream/${uid}/captions/en`, server.token, captionForm())
  expect(captions.status).toBe(200)
  const webhook = await make('/headwater/webhooks', { url: 'http://127.0.0.1:9/', events: ['error'] })
  const failing = await server.addVideo({ state: 'queued' })
  await server.db
    .transaction()
    .execute((trx) => failVideo(trx, server, failing.uid, { reasonCode: 'ERR_UNKNOWN', detail: {} }))
  const calls = (await call('GET', `${account}/headwater/webhook-calls`, server.token)).json().result
  const input = await make('/stream/live_inputs', { meta: { name: 'secret studio' } })
  const output = await make(`/stream/live_inputs/${input.uid}/outputs`, OUTPUT)
  ids = {
    'stream/uid': uid,
    'videos/uid': uid,
    'captions/language': 'en',
    'downloads/type': 'default',
    'keys/id': (await make('/stream/keys', {})).id,
    'tokens/token_id': (await make('/headwater/tokens', { name: 'hers', permission: 'read' })).id,
    'webhooks/webhook_id': webhook.id,
    'webhook-calls/call_id': (calls as { id: string }[])[0]?.id ?? '',
    'audio/track': await addTrack(uid),
    'watermarks/watermark': await addWatermark(),
    'live_inputs/input': input.uid,
    'outputs/output': output.uid,
  }
})
afterAll(async () => {
  await server.close()
  expect(violations).toEqual([])
})

async function addTrack(videoUid: string): Promise<string> {
  const { uid } = await server.db
    .insertInto('audio_tracks')
    .values({
      uid: server.clock.newUid(),
      video_uid: videoUid,
      label: 'German',
      is_default: 0,
      status: 'ready',
      error: null,
      language: null,
      rendition: 'a-1',
      channels: 2,
      source: '{}',
      created_us: 1,
    })
    .returning('uid')
    .executeTakeFirstOrThrow()
  return uid
}

async function addWatermark(): Promise<string> {
  const { uid } = await server.db
    .insertInto('watermarks')
    .values({
      uid: server.clock.newUid(),
      account_id: server.accountId,
      name: 'hers',
      opacity: 1,
      padding: 0,
      scale: 0,
      position: 'center',
      size_bytes: 1,
      width: 1,
      height: 1,
      downloaded_from: null,
      image_blob: 'watermarks/hers',
      created_us: 1,
    })
    .returning('uid')
    .executeTakeFirstOrThrow()
  return uid
}

type Answered = { readonly status: number; readonly text: string; json(): Envelope }

async function call(method: string, path: string, token: string, body?: unknown): Promise<Answered> {
  const response = await fetch(server.apiUrl + path, {
    method,
    headers: { authorization: `Bearer ${token}` },
    body: body === undefined ? null : body instanceof FormData ? body : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, text, json: () => JSON.parse(text) as Envelope }
}

const post = (path: string, body: unknown, token = server.token) => call('POST', path, token, body)

type Operation = { readonly method: string; readonly path: string }

/** Every documented call below an account. */
async function operations(): Promise<readonly Operation[]> {
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, unknown>>
  }
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    path.startsWith('/client/v4/accounts/{account_id}')
      ? Object.keys(methods).map((method) => ({
          method: method.toUpperCase(),
          path: path.replace('/client/v4', ''),
        }))
      : [],
  )
}

/** The path with the first account's ids in it, below the account `accountId`. Throws for a part it has no id of. */
function fill(path: string, accountId: string): string {
  return path.replace('{account_id}', accountId).replaceAll(/([\w-]+)\/\{(\w+)\}/g, (_, word, part) => {
    const id = ids[`${word}/${part}`]
    if (id === undefined) throw new Error(`no id for {${part}} after ${word}: this test must make one`)
    return `${word}/${id}`
  })
}

/** Bodies without which a call is refused before it looks at what it names. */
const BODIES: Readonly<Record<string, unknown>> = {
  'PUT /accounts/{account_id}/stream/{uid}/captions/{language}': captionForm(),
  'POST /accounts/{account_id}/stream/{uid}/audio': captionForm(),
  'POST /accounts/{account_id}/stream/live_inputs/{input}/outputs': OUTPUT,
  'PUT /accounts/{account_id}/stream/live_inputs/{input}/outputs/{output}': { enabled: false },
  'POST /accounts/{account_id}/stream/{uid}/audio/copy': { url: 'http://127.0.0.1:9/', label: 'mine' },
}

describe('an account', () => {
  test('is closed to the tokens of others, at every documented call', async () => {
    const answers = await Promise.all(
      (await operations()).map(async ({ method, path }) => {
        const { status, text } = await call(method, fill(path, server.accountId), other.token)
        return { call: `${method} ${path}`, status, code: codeOf(text) }
      }),
    )
    expect(answers.length).toBeGreaterThan(40)
    expect(answers.filter(({ status, code }) => status !== 403 || code !== 10000)).toEqual([])
  })

  test('does not know the ids of others, at every call that takes one', async () => {
    const before = await everything()
    const taking = (await operations()).filter(({ path }) => /\{(?!account_id)/.test(path))
    const answers: unknown[] = []
    for (const { method, path } of taking) {
      const body = ['GET', 'DELETE'].includes(method) ? undefined : (BODIES[`${method} ${path}`] ?? {})
      const { status, text } = await call(method, fill(path, other.id), other.token, body)
      answers.push({ call: `${method} ${path}`, status, code: codeOf(text) })
    }
    expect(answers.length).toBeGreaterThan(15)
    expect(answers.filter((one) => !isNotFound(one))).toEqual([])
    expect(await everything()).toEqual(before)
  })

  test.each<[string, () => unknown]>([
    ['direct_upload', () => ({ maxDurationSeconds: 60, watermark: { uid: ids['watermarks/watermark'] } })],
    ['copy', () => ({ url: 'http://127.0.0.1:9/', watermark: { uid: ids['watermarks/watermark'] } })],
    ['clip', () => ({ clippedFromVideoUID: ids['stream/uid'], startTimeSeconds: 0, endTimeSeconds: 1 })],
    ['{own}/audio/copy', () => ({ audio: { source_video_id: ids['stream/uid'] } })],
  ])('makes nothing of what is of others: %s', async (path, body) => {
    const own = (await server.addVideo({ accountId: other.id, durationSeconds: 0 })).uid
    const { status } = await post(
      `/accounts/${other.id}/stream/${path.replace('{own}', own)}`,
      body(),
      other.token,
    )
    expect(status).toBe(404)
    await call('DELETE', `/accounts/${other.id}/stream/${own}`, other.token)
  })

  test('lists and counts nothing of others', async () => {
    const get = async (path: string) =>
      (await call('GET', `/accounts/${other.id}${path}`, other.token)).json()
    expect(await get('/stream?include_counts=1')).toMatchObject({ result: [], total: 0 })
    expect(await get(`/stream?id=${ids['stream/uid']}`)).toMatchObject({ result: [] })
    expect(await get('/stream/live_inputs?include_counts=1')).toMatchObject({
      result: [],
      total: 0,
      range: 0,
    })
    expect(await get('/stream?search=secret')).toMatchObject({ result: [] })
    expect(await get('/stream/storage-usage')).toMatchObject({
      result: { totalStorageMinutes: 0, videoCount: 0 },
    })
    for (const path of [
      '/stream/keys',
      '/stream/watermarks',
      '/headwater/webhooks',
      '/headwater/webhook-calls',
    ]) {
      expect(await get(path)).toMatchObject({ result: [] })
    }
    expect(await get('/headwater/tokens')).toMatchObject({ result: [{ name: 'first token' }] })
    expect((await get('/stream/webhook')).success).toBe(false)
  })

  test("signs playback with keys of its own, which open no other's videos", async () => {
    const video = await server.addVideo({ accountId: other.id })
    const made = await post(`/accounts/${other.id}/stream/${video.uid}/token`, {}, other.token)
    expect(made.status).toBe(200)
    const foreign = await post(`/accounts/${other.id}/stream/${ids['stream/uid']}/token`, {}, other.token)
    expect(foreign.status).toBe(404)
    const key = { id: ids['keys/id'], pem: 'LS0t' }
    const withKey = await post(`/accounts/${other.id}/stream/${video.uid}/token`, key, other.token)
    expect({ status: withKey.status, code: codeOf(withKey.text) }).toEqual({ status: 404, code: 10003 })
  })

  test('has an allocation of its own, or that of the settings', async () => {
    const limit = async () =>
      (
        (await call('GET', `/accounts/${other.id}/stream/storage-usage`, other.token)).json().result as {
          totalStorageMinutesLimit: number
        }
      ).totalStorageMinutesLimit
    const set = (storageMinutes: number | null) =>
      call('PATCH', `/headwater/accounts/${other.id}`, server.operatorToken, { storageMinutes })
    const ask = async () =>
      (await post(`/accounts/${other.id}/stream/direct_upload`, { maxDurationSeconds: 60 }, other.token)).text
    expect(await limit()).toBe(100)
    expect((await set(0)).json().result).toMatchObject({ id: other.id, storageMinutes: 0 })
    expect(await limit()).toBe(2_147_483_647)
    await set(2)
    expect(codeOf(await ask())).toBeUndefined()
    expect(codeOf(await ask())).toBe(10011)
    await set(null)
    expect(await limit()).toBe(100)
    expect(codeOf(await ask())).toBeUndefined()
  })
})

describe('accounts', () => {
  test('are made and listed with the token of the server, and with no other', async () => {
    const made = (
      await post('/headwater/accounts', { name: 'third', storageMinutes: 7 }, server.operatorToken)
    ).json().result
    expect(made).toMatchObject({
      name: 'third',
      storageMinutes: 7,
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
    const listed = await call('GET', '/headwater/accounts', server.operatorToken)
    expect(listed.text).not.toContain('token')
    expect(listed.json().result).toMatchObject([
      { id: server.accountId, name: 'tests' },
      { id: other.id, name: 'other' },
      { name: 'third' },
    ])
    for (const token of [server.token, server.readToken, other.token]) {
      for (const [method, path] of [
        ['GET', '/headwater/accounts'],
        ['POST', '/headwater/accounts'],
        ['PATCH', `/headwater/accounts/${other.id}`],
      ] as const) {
        const body = method === 'GET' ? undefined : { name: 'mine' }
        expect((await call(method, path, token, body)).status).toBe(403)
      }
    }
  })

  test.each([
    ['no name', {}, 10005],
    ['an empty name', { name: ' ' }, 10005],
    ['a name without end', { name: 'x'.repeat(101) }, 10005],
    ['half a minute', { name: 'x', storageMinutes: 0.5 }, 10005],
    ['less than nothing', { name: 'x', storageMinutes: -1 }, 10005],
    ['minutes in words', { name: 'x', storageMinutes: 'many' }, 10004],
  ])('with %s are refused', async (_, body, code) => {
    const answer = await post('/headwater/accounts', body, server.operatorToken)
    expect({ status: answer.status, code: codeOf(answer.text) }).toEqual({ status: 400, code })
  })

  test('get tokens from the operator, who may otherwise do nothing in them', async () => {
    const path = `/accounts/${other.id}/headwater/tokens`
    const made = (await post(path, { name: 'help', permission: 'read' }, server.operatorToken)).json()
    const { token } = made.result as { token: string }
    expect((await call('GET', `/accounts/${other.id}/stream`, token)).status).toBe(200)
    expect((await post(`/accounts/${other.id}/stream/direct_upload`, {}, token)).status).toBe(403)
    expect((await call('GET', `/accounts/${other.id}/stream`, server.operatorToken)).status).toBe(403)
    expect(
      (await post(`/accounts/${'0'.repeat(32)}/headwater/tokens`, {}, server.operatorToken)).status,
    ).toBe(404)
  })

  test.each(SDKS)('SDK %s sees its own, alone', async (_, create) => {
    const client = create({ baseURL: server.apiUrl, apiToken: other.token })
    const found = []
    for await (const account of client.accounts.list()) found.push(account)
    expect(found).toMatchObject([{ id: other.id, name: 'other' }])
    expect(await client.accounts.get({ account_id: other.id })).toMatchObject({ id: other.id })
    await expect(client.accounts.get({ account_id: server.accountId })).rejects.toMatchObject({ status: 403 })
    expect(await client.user.tokens.verify()).toMatchObject({ status: 'active' })
  })

  test('are what the dashboard shows: the one of the token', async () => {
    const signedIn = await fetch(`${server.url}/dashboard/session`, {
      method: 'POST',
      body: JSON.stringify({ token: other.token }),
    })
    expect(((await signedIn.json()) as { result: unknown }).result).toMatchObject({ account_id: other.id })
    const cookie = signedIn.headers.get('set-cookie')?.split(';', 1)[0] ?? ''
    const list = (accountId: string) =>
      fetch(`${server.apiUrl}/accounts/${accountId}/stream`, { headers: { cookie } })
    expect((await list(other.id)).status).toBe(200)
    expect((await list(server.accountId)).status).toBe(403)
  })
})

function codeOf(text: string): number | undefined {
  return (JSON.parse(text) as { errors: { code: number }[] }).errors[0]?.code
}

function isNotFound(answer: unknown): boolean {
  const { status, code } = answer as { status: number; code: number }
  return status === 404 && code === 10003
}

/** What the first account has, as its own tokens see it. */
async function everything(): Promise<unknown> {
  const paths = [
    '/stream',
    '/stream/keys',
    '/headwater/tokens',
    '/headwater/webhooks',
    '/headwater/webhook-calls',
  ]
  const ofInput = ['', '/outputs'].map((rest) => `/stream/live_inputs/${ids['live_inputs/input']}${rest}`)
  const ofVideo = ['captions', 'downloads', 'audio'].map((word) => `/stream/${ids['stream/uid']}/${word}`)
  return Promise.all(
    [...paths, ...ofVideo, ...ofInput].map(
      async (path) => (await call('GET', `/accounts/${server.accountId}${path}`, server.token)).json().result,
    ),
  )
}

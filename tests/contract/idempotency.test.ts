/** `Idempotency-Key` (spec §10): a repeated `POST` gets the first answer and makes nothing. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sweepKeys } from '../../src/core/idempotency/index.ts'
import { createAccount, createApiToken } from '../../src/core/access/index.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'

const MP4 = Buffer.from('0000002066747970697364300000020069736f6d', 'hex')

function mp4Form(): FormData {
  const made = new FormData()
  made.append('file', new Blob([MP4]), 'a.mp4')
  return made
}

const OUTPUT = { url: 'rtmp://127.0.0.1/app', streamKey: 'k' }

let server: ApiServer
/** A live input for outputs. */
let input: string

beforeAll(async () => {
  server = await startApi({ allowPrivateFetch: true })
  const made = await post('/stream/live_inputs', '')
  input = (JSON.parse(made.text) as { result: { uid: string } }).result.uid
})
afterAll(() => server.close())

type Table =
  | 'videos'
  | 'signing_keys'
  | 'api_tokens'
  | 'webhook_subscriptions'
  | 'live_inputs'
  | 'live_outputs'

type Sent = { readonly status: number; readonly text: string; readonly headers: Headers }

async function post(
  path: string,
  key: string,
  options: { body?: unknown; headers?: Record<string, string>; token?: string; account?: string } = {},
): Promise<Sent> {
  const { body, headers, token = server.token, account = server.accountId } = options
  const response = await fetch(`${server.apiUrl}/accounts/${account}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      ...(key === '' ? {} : { 'idempotency-key': key }),
      ...headers,
    },
    body: body === undefined ? null : body instanceof FormData ? body : JSON.stringify(body),
  })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

async function count(table: Table): Promise<number> {
  return (await server.db.selectFrom(table).selectAll().execute()).length
}

const LINK = { body: { maxDurationSeconds: 60 } }

function conflictOf(sent: Sent): { status: number; code?: number; message?: string } {
  expect(sent.headers.get('x-should-retry')).toBe('false')
  const { errors } = JSON.parse(sent.text) as { errors: { code: number; message: string }[] }
  return { status: sent.status, ...errors[0] }
}

describe('a repeat with the same key', () => {
  test.each<[string, string, Table, () => unknown]>([
    ['direct_upload', '/stream/direct_upload', 'videos', () => LINK.body],
    ['copy', '/stream/copy', 'videos', () => ({ url: 'http://127.0.0.1:9/a.mp4' })],
    ['a form', '/stream', 'videos', mp4Form],
    ['keys', '/stream/keys', 'signing_keys', () => undefined],
    ['live inputs', '/stream/live_inputs', 'live_inputs', () => ({ meta: { name: 'twice' } })],
    ['outputs', '/stream/live_inputs/INPUT/outputs', 'live_outputs', () => OUTPUT],
    ['tokens', '/headwater/tokens', 'api_tokens', () => ({ name: 'twice' })],
    ['webhooks', '/headwater/webhooks', 'webhook_subscriptions', () => ({ url: 'http://127.0.0.1:9/' })],
  ])('gets the first answer, and there is one: %s', async (name, path, table, body) => {
    const to = path.replace('INPUT', input)
    const before = await count(table)
    const first = await post(to, `one ${name}`, { body: body() })
    expect(first.status, first.text).toBe(200)
    const again = await post(to, `one ${name}`, { body: body() })
    expect({ status: again.status, text: again.text }).toEqual({ status: first.status, text: first.text })
    expect(await count(table)).toBe(before + 1)
  })

  test('gets the address of the first tus upload', async () => {
    const headers = { 'tus-resumable': '1.0.0', 'upload-length': '1000' }
    const first = await post('/stream?direct_user=true', 'tus', { headers })
    const again = await post('/stream?direct_user=true', 'tus', { headers })
    expect([first.status, again.status]).toEqual([201, 201])
    for (const name of ['location', 'stream-media-id', 'upload-expires', 'tus-resumable']) {
      expect(again.headers.get(name)).toBe(first.headers.get(name))
      expect(again.headers.get(name)).not.toBeNull()
    }
    const longer = { ...headers, 'upload-length': '1001' }
    expect(conflictOf(await post('/stream?direct_user=true', 'tus', { headers: longer })).status).toBe(409)
  })

  test('waits for the first while it is under way', async () => {
    const before = await count('videos')
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => post('/stream/direct_upload', 'at once', LINK)),
    )
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
    expect(await count('videos')).toBe(before + 1)
  })

  test('but another body is refused', async () => {
    await post('/stream/direct_upload', 'other body', LINK)
    const other = await post('/stream/direct_upload', 'other body', { body: { maxDurationSeconds: 61 } })
    expect(conflictOf(other)).toMatchObject({
      status: 409,
      code: 10007,
      message: expect.stringMatching(/another request/),
    })
    const elsewhere = await post('/stream/keys', 'other body')
    expect(conflictOf(elsewhere)).toMatchObject({ status: 409, code: 10007 })
  })

  test('of what has been deleted meanwhile is refused', async () => {
    const made = await post('/stream/direct_upload', 'deleted', LINK)
    const { uid } = (JSON.parse(made.text) as { result: { uid: string } }).result
    await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${uid}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${server.token}` },
    })
    const again = await post('/stream/direct_upload', 'deleted', LINK)
    expect(conflictOf(again)).toMatchObject({
      status: 409,
      code: 10007,
      message: expect.stringMatching(/deleted/),
    })
  })

  test('of a refused request is done anew', async () => {
    expect((await post('/stream/direct_upload', 'refused', { body: {} })).status).toBe(400)
    expect((await post('/stream/direct_upload', 'refused', LINK)).status).toBe(200)
  })

  test('of a request during which the server ended is told so', async () => {
    await post('/stream/direct_upload', 'interrupted', LINK)
    await server.db
      .updateTable('idempotency_keys')
      .set({ answer: null })
      .where('key', '=', 'interrupted')
      .execute()
    const again = await post('/stream/direct_upload', 'interrupted', LINK)
    expect(conflictOf(again)).toMatchObject({
      status: 409,
      code: 10007,
      message: expect.stringMatching(/the server ended/),
    })
  })

  test('after six hours makes another, and the key is swept away', async () => {
    const first = await post('/stream/direct_upload', 'old', LINK)
    const age = server.db
      .updateTable('idempotency_keys')
      .set((row) => ({ created_us: row('created_us', '-', 6 * 3_600_000_000) }))
      .where('key', '=', 'old')
    await age.execute()
    const second = await post('/stream/direct_upload', 'old', LINK)
    expect(second.status).toBe(200)
    expect(second.text).not.toBe(first.text)
    await age.execute()
    await sweepKeys(server)
    const keys = await server.db.selectFrom('idempotency_keys').select('key').execute()
    expect(keys.map(({ key }) => key)).not.toContain('old')
    expect(keys.length).toBeGreaterThan(0)
  })
})

describe('a key', () => {
  test('belongs to its account', async () => {
    const { id } = await createAccount(server.db, server.clock, { name: 'other' })
    const { token } = await createApiToken(server.db, server.clock, {
      accountId: id,
      name: 'other',
      permission: 'write',
    })
    const mine = await post('/stream/direct_upload', 'shared', LINK)
    const theirs = await post('/stream/direct_upload', 'shared', { ...LINK, token, account: id })
    expect(theirs.status).toBe(200)
    expect(theirs.text).not.toBe(mine.text)
  })

  test.each([
    [255, 200],
    [256, 400],
  ])('of %d bytes is answered %d', async (bytes, status) => {
    expect((await post('/stream/direct_upload', 'k'.repeat(bytes), LINK)).status).toBe(status)
  })

  test('without one each request makes its own', async () => {
    const before = await count('videos')
    await post('/stream/direct_upload', '', LINK)
    await post('/stream/direct_upload', '', LINK)
    expect(await count('videos')).toBe(before + 2)
  })

  test('keeps what is shown once from whoever copies the database', async () => {
    const made = await post('/headwater/tokens', 'sealed', { body: { name: 'sealed' } })
    const { token } = (JSON.parse(made.text) as { result: { token: string } }).result
    expect(token).toMatch(/^[\w-]{40}$/)
    const rows = await server.db.selectFrom('idempotency_keys').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain(token)
  })
})

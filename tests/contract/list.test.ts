/** The list's filters, window and counts (spec §4.1), storage (§4.7). */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Video } from '../../src/core/videos/index.ts'
import { formatTimestamp } from '../../src/lib/timestamp.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { send } from '../harness/raw-http.ts'
import { loadVendorSchema } from '../harness/vendor-schema.ts'

let server: ApiServer
/** By letter, in the order of creation. */
const videos: Record<string, Video> = {}

beforeAll(async () => {
  server = await startApi({ settings: { storageMinutes: 500 } })
  const fields: Record<string, Partial<Video>> = {
    a: { meta: { name: 'Harbour tour.mp4' }, creator: 'ann' },
    b: { meta: { name: 'harbour lights' }, creator: 'bob', state: 'queued', durationSeconds: null },
    c: { meta: { name: '100%_sure' }, creator: 'ann', liveInput: 'c'.repeat(32) },
    d: { meta: { name: 'harbour lights' }, state: 'pendingupload', durationSeconds: null },
    e: { meta: { title: 'no name' }, state: 'error' },
    f: { meta: { name: 'ÄRGER im Hafen' }, state: 'live-inprogress', liveInput: 'd'.repeat(32) },
  }
  for (const [letter, some] of Object.entries(fields)) videos[letter] = await server.addVideo(some)
})
afterAll(() => server.close())

const created = (letter: string) => formatTimestamp(videos[letter]?.createdUs ?? 0)
const uid = (letter: string) => videos[letter]?.uid ?? ''

async function list(query: string) {
  const path = `/client/v4/accounts/${server.accountId}/stream?${query}`
  const answer = await send(server.url, path, { headers: { authorization: `Bearer ${server.token}` } })
  return { status: answer.status, ...answer.json() }
}

async function letters(query: string): Promise<string> {
  const { result } = await list(query)
  const uids = (result as { uid: string }[]).map((video) => video.uid)
  return uids.map((one) => Object.entries(videos).find(([, video]) => video.uid === one)?.[0] ?? '?').join('')
}

describe('the list', () => {
  test.each([
    ['', 'fedcba'],
    ['asc=true', 'abcdef'],
    ['asc=0', 'fedcba'],
    ['status=ready', 'ca'],
    ['status=ready,error', 'eca'],
    ['status=live-inprogress', 'f'],
    ['status=downloading', ''],
    ['type=live', 'fc'],
    ['type=vod', 'edba'],
    ['creator=ann', 'ca'],
    ['creator=Ann', ''],
    ['video_name=harbour%20lights', 'db'],
    ['video_name=Harbour%20lights', ''],
    ['search=HARBOUR', 'dba'],
    ['search=r%20t', 'a'],
    ['search=%25_', 'c'],
    ['search=%C3%A4rger', 'f'],
    ['name=harbour%20lights,100%25_sure', 'dcb'],
    [`live_input_id=${'c'.repeat(32)}`, 'c'],
    ['limit=2', 'fe'],
    ['limit=2&asc=1', 'ab'],
    ['creator=ann&type=vod', 'a'],
    ['status=&creator=undefined&limit=undefined', 'fedcba'],
    ['nonsense=1', 'fedcba'],
  ])('with %j gives %s', async (query, expected) => {
    expect(await letters(query)).toBe(expected)
  })

  test('by ids, and by names that are ids', async () => {
    expect(await letters(`id=${uid('a')},${uid('d')},${'0'.repeat(32)}`)).toBe('da')
    expect(await letters(`name=${uid('a')},harbour%20lights`)).toBe('dba')
  })

  test('has a window that begins inclusive and ends exclusive, to the microsecond', async () => {
    expect(await letters(`start=${created('c')}`)).toBe('fedc')
    expect(await letters(`after=${created('c')}`)).toBe('fedc')
    expect(await letters(`end=${created('c')}`)).toBe('ba')
    expect(await letters(`before=${created('c')}`)).toBe('ba')
    expect(await letters(`start=${created('b')}&end=${created('e')}&asc=true`)).toBe('bcd')
  })

  test('can be paged by its own times, both ways', async () => {
    const down: string[] = []
    for (let end = ''; down.length < 10; ) {
      const page = (await list(`limit=2&end=${end}`)).result as { uid: string; created: string }[]
      if (page.length === 0) break
      down.push(...page.map((video) => video.uid))
      end = page.at(-1)?.created ?? ''
    }
    expect(down).toEqual(['f', 'e', 'd', 'c', 'b', 'a'].map(uid))
    const up: string[] = []
    for (let start = ''; ; ) {
      const page = (await list(`asc=true&limit=3&start=${start}`)).result as {
        uid: string
        created: string
      }[]
      const fresh = page.filter((video) => !up.includes(video.uid))
      if (fresh.length === 0) break
      up.push(...fresh.map((video) => video.uid))
      start = page.at(-1)?.created ?? ''
    }
    expect(up).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].map(uid))
  })

  test('counts only when asked: total without the limit, range with it', async () => {
    expect(await list('limit=2')).not.toHaveProperty('total')
    expect(await list('limit=2&include_counts=true')).toMatchObject({ total: 6, range: 2 })
    expect(await list('limit=1&search=harbour&include_counts=1')).toMatchObject({ total: 3, range: 1 })
    expect(await list('status=ready,error&include_counts=true')).toMatchObject({ total: 3, range: 3 })
    expect(await list('name=harbour%20lights&include_counts=true')).toMatchObject({ total: 2, range: 2 })
  })

  test.each([
    ['limit=1001', 'results are limited to 1000 entries per request'],
    ['limit=0', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=-1', 'limit'],
    ['status=finished', 'status'],
    ['type=film', 'type'],
    ['asc=maybe', 'asc'],
    ['include_counts=2', 'include_counts'],
    ['start=yesterday', 'start'],
    ['end=2026-13-01T00:00:00Z', 'end'],
    [`creator=${'x'.repeat(65)}`, 'creator'],
  ])('refuses %s and says why', async (query, words) => {
    const answer = await list(query)
    expect(answer).toMatchObject({ status: 400, success: false, errors: [{ code: 10005 }] })
    expect(answer.errors[0]?.message).toContain(words)
  })

  test('fits the vendor’s own description, whatever the states', async () => {
    const body = await list('include_counts=true')
    const path = `/client/v4/accounts/${server.accountId}/stream`
    expect(loadVendorSchema()?.({ method: 'GET', path, status: 200, body }) ?? []).toEqual([])
  })

  test('shows nothing of other accounts', async () => {
    await server.addVideo({ accountId: server.clock.newUid() })
    expect(await letters('')).toBe('fedcba')
  })
})

describe('storage', () => {
  const usage = async (query: string) => {
    const path = `/client/v4/accounts/${server.accountId}/stream/storage-usage?${query}`
    const answer = await send(server.url, path, { headers: { authorization: `Bearer ${server.token}` } })
    return answer.json().result
  }

  test('counts videos of all states and the minutes of what is known', async () => {
    expect(await usage('')).toMatchObject({ videoCount: 6, totalStorageMinutesLimit: 500 })
    expect(await usage('')).not.toHaveProperty('creator')
  })

  test('of one creator', async () => {
    expect(await usage('creator=bob')).toEqual({
      creator: 'bob',
      totalStorageMinutes: 0,
      totalStorageMinutesLimit: 500,
      videoCount: 1,
    })
    expect(await usage('creator=nobody')).toMatchObject({ videoCount: 0 })
  })
})

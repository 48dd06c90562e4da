/** Every method on an upload address, and `X-HTTP-Method-Override` with every method: uploads.md §2.5, §3.3. */

import { describe, expect, test } from 'vitest'
import { call, CHUNK_TYPE, type Created, refusalOf, sha256, testBytes, TUS } from './tus-fixture.ts'
import { useUploadServer } from './use-upload-server.ts'

const film = testBytes(100_000)

const uploads = useUploadServer()

type Meaning = 'HEAD' | 'PATCH' | 'DELETE' | 'OPTIONS' | 'refused'

/** What a request means, by its method and the override it carries. */
const MEANINGS: readonly [method: string, override: string | undefined, meaning: Meaning][] = [
  ['HEAD', undefined, 'HEAD'],
  ['PATCH', undefined, 'PATCH'],
  ['DELETE', undefined, 'DELETE'],
  ['OPTIONS', undefined, 'OPTIONS'],
  ['GET', undefined, 'refused'],
  ['PUT', undefined, 'refused'],
  ['POST', undefined, 'refused'],
  ['POST', 'HEAD', 'HEAD'],
  ['POST', 'PATCH', 'PATCH'],
  ['POST', 'patch', 'PATCH'],
  ['POST', 'DELETE', 'DELETE'],
  ['POST', '', 'refused'],
  ['POST', 'GET', 'refused'],
  ['POST', 'PUT', 'refused'],
  ['POST', 'POST', 'refused'],
  ['POST', 'OPTIONS', 'refused'],
  ['POST', 'PATCH, DELETE', 'refused'],
  // Only POST stands for others.
  ['GET', 'HEAD', 'refused'],
  ['GET', 'PATCH', 'refused'],
  ['PUT', 'PATCH', 'refused'],
  ['HEAD', 'DELETE', 'HEAD'],
  ['PATCH', 'DELETE', 'PATCH'],
  ['DELETE', 'HEAD', 'DELETE'],
  ['OPTIONS', 'DELETE', 'OPTIONS'],
]

/** Status of the answer, and what HEAD tells afterwards. */
const OUTCOMES: Readonly<Record<Meaning, { status: number; after: [number, string | undefined] }>> = {
  HEAD: { status: 200, after: [200, '0'] },
  PATCH: { status: 204, after: [200, String(film.length)] },
  DELETE: { status: 204, after: [410, undefined] },
  OPTIONS: { status: 204, after: [200, '0'] },
  refused: { status: 405, after: [200, '0'] },
}

async function ask(made: Created, method: string, override?: string, given: Record<string, string> = {}) {
  const body = ['POST', 'PATCH', 'PUT'].includes(method) ? film : undefined
  return call(
    method,
    made.location,
    {
      ...uploads.auth,
      ...CHUNK_TYPE,
      'upload-offset': '0',
      ...(override === undefined ? {} : { 'x-http-method-override': override }),
      ...given,
    },
    body,
  )
}

describe.each([
  ['an address of the account', ''],
  ['a one-time address', '?direct_user=true'],
])('on %s', (_, query) => {
  test.each(MEANINGS)('%s with the override %j means %s', async (method, override, meaning) => {
    const made = await uploads.create(film.length, { query })
    const answer = await ask(made, method, override)
    const { status, after } = OUTCOMES[meaning]
    expect(answer.status).toBe(status)
    if (meaning === 'refused') {
      expect(refusalOf(answer).code).toBe(10006)
      expect(answer.headers.allow).toBe('OPTIONS, HEAD, PATCH, DELETE')
    } else {
      const offsets = { HEAD: '0', PATCH: String(film.length), DELETE: undefined, OPTIONS: undefined }
      expect(answer.headers['upload-offset']).toBe(offsets[meaning])
      expect(answer.text).toBe('')
    }
    const head = await uploads.head(made.location)
    expect([head.status, head.headers['upload-offset']]).toEqual(after)
    if (meaning === 'PATCH') expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(film))
  })
})

test.each([
  ['without the version', { 'tus-resumable': '' }, 412],
  ['of another type', { 'content-type': 'video/mp4' }, 415],
  ['at another offset', { 'upload-offset': '7' }, 409],
  ['without credentials', { authorization: '' }, 401],
])('a POST for PATCH %s is refused like a PATCH', async (_, given: Record<string, string>, status) => {
  const made = await uploads.create(film.length)
  const answers = [await ask(made, 'POST', 'PATCH', given), await ask(made, 'PATCH', undefined, given)]
  expect(answers.map((answer) => answer.status)).toEqual([status, status])
  expect(refusalOf(answers[0] ?? { text: '' })).toEqual(refusalOf(answers[1] ?? { text: '' }))
  expect(await uploads.storedOffset(made.location)).toBe(0)
})

test('a POST for HEAD is refused without an offset', async () => {
  const location = `${uploads.server.url}/upload/tus/${'x'.repeat(43)}`
  const answer = await call('POST', location, { ...TUS, 'x-http-method-override': 'HEAD' })
  expect(answer.status).toBe(404)
  expect(answer.headers).not.toHaveProperty('upload-offset')
})

test('where uploads are created the override has no meaning', async () => {
  for (const override of ['PATCH', 'DELETE', 'HEAD']) {
    const made = await uploads.create(10, { headers: { 'x-http-method-override': override } })
    expect([made.status, await uploads.storedOffset(made.location)]).toEqual([201, 0])
  }
})

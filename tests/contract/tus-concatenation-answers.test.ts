/** What every request about a partial or final upload is answered with, header by header: uploads.md §3.6. */

import { describe, expect, test } from 'vitest'
import { makeFinal, makePart, PARTIAL, withServer } from './concatenation-fixture.ts'
import {
  type Answer,
  call,
  CHUNK_TYPE,
  type Created,
  DAY_SECONDS,
  metadata,
  MIB,
  refusalOf,
  testBytes,
  TUS,
  tusCalls,
} from './tus-fixture.ts'
import { useUploadServer } from './use-upload-server.ts'

const uploads = useUploadServer()

/** The headers that say something about an upload. */
const NAMES = [
  'location',
  'stream-media-id',
  'upload-offset',
  'upload-length',
  'upload-metadata',
  'upload-concat',
  'upload-expires',
]

const told = ({ status, headers }: Answer) => ({
  status,
  ...Object.fromEntries(
    NAMES.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  ),
})

describe.each([
  ['an address of the account', ''],
  ['a one-time address', '?direct_user=true'],
])('a partial upload with %s', (_, query) => {
  test('from its creation to its end', async () => {
    const bytes = testBytes(6 * MIB)
    const header = metadata({ name: 'part' })
    const made = await uploads.create(bytes.length, {
      query,
      headers: { ...PARTIAL, 'upload-metadata': header },
    })
    const expires = { 'upload-expires': expect.stringMatching(/ GMT$/) }
    expect(told(made)).toEqual({ status: 201, location: expect.any(String), ...expires })
    expect(made.location).toContain(query === '' ? '/media/' : '/upload/tus/')
    const lives = Date.parse(String(made.headers['upload-expires'])) - Date.now()
    expect([lives > (DAY_SECONDS - 60) * 1000, lives <= DAY_SECONDS * 1000]).toEqual([true, true])
    const asItIs = {
      status: 200,
      'upload-length': String(bytes.length),
      'upload-metadata': header,
      'upload-concat': 'partial',
      'upload-expires': made.headers['upload-expires'],
    }
    expect(told(await uploads.head(made.location))).toEqual({ ...asItIs, 'upload-offset': '0' })
    for (const [offset, end] of [
      [0, 5 * MIB],
      [5 * MIB, 6 * MIB],
    ] as const) {
      expect(told(await uploads.patch(made.location, offset, bytes.subarray(offset, end)))).toEqual({
        status: 204,
        'upload-offset': String(end),
        'upload-expires': made.headers['upload-expires'],
      })
      expect(told(await uploads.head(made.location))).toEqual({ ...asItIs, 'upload-offset': String(end) })
    }
    expect(told(await call('DELETE', made.location, uploads.auth))).toEqual({ status: 204 })
    for (const answer of [
      await uploads.head(made.location),
      await uploads.patch(made.location, bytes.length, Buffer.from('x')),
      await call('DELETE', made.location, uploads.auth),
    ]) {
      expect(told(answer)).toEqual({ status: 410 })
    }
  })
})

describe('a final upload', () => {
  const finish = async (query = '', headers: Record<string, string> = {}): Promise<Created> => {
    const part = await makePart(uploads.server, testBytes(1_000))
    return makeFinal(uploads.server, [part.location, part.path], { query, headers })
  }

  test.each(['', '?direct_user=true'])('from its creation to its end, %j', async (query) => {
    const header = metadata({ name: 'whole' })
    const made = await finish(query, { 'upload-metadata': header })
    expect(told(made)).toEqual({
      status: 201,
      location: made.location,
      'stream-media-id': expect.stringMatching(/^[0-9a-f]{32}$/),
    })
    expect(made.headers['content-length']).toBe('0')
    const head = await uploads.head(made.location)
    expect(told(head)).toEqual({
      status: 200,
      'upload-offset': '2000',
      'upload-length': '2000',
      'upload-metadata': header,
      'upload-concat': expect.stringMatching(/^final;http\S+ \/client\S+$/),
    })
    expect(head.headers['cache-control']).toBe('no-store')
    for (const [offset, body] of [
      [0, Buffer.from('x')],
      [2_000, Buffer.from('x')],
      [2_000, Buffer.alloc(0)],
    ] as const) {
      const answer = await uploads.patch(made.location, offset, body)
      expect(told(answer)).toEqual({ status: 403 })
      expect(answer.headers['tus-resumable']).toBe('1.0.0')
    }
    expect(told(await call('DELETE', made.location, uploads.auth))).toEqual({ status: 204 })
    expect(told(await uploads.head(made.location))).toEqual({ status: 410 })
  })

  test('needs the token, though all its parts are of end users; so does the creation of a part', async () => {
    const part = await makePart(uploads.server, testBytes(10), '?direct_user=true')
    for (const header of [`final;${part.location}`, 'partial']) {
      const headers = { ...TUS, 'upload-concat': header, 'upload-length': '10' }
      for (const query of ['', '?direct_user=true']) {
        const answer = await call('POST', `${uploads.server.endpoint}${query}`, headers)
        expect([answer.status, refusalOf(answer).code]).toEqual([401, 10000])
      }
    }
  })

  test('takes a length or an empty body for what they are: nothing to it', async () => {
    expect((await finish('', { 'upload-length': '5' })).status).toBe(201)
    const made = await finish('', { ...CHUNK_TYPE, 'content-length': '0' })
    expect([made.status, (await uploads.head(made.location)).headers['upload-offset']]).toEqual([201, '2000'])
  })

  test('is told of for a day, then 404', async () => {
    await withServer({}, async (own) => {
      const part = await makePart(own, testBytes(10))
      const made = await makeFinal(own, [part.location])
      own.forward(DAY_SECONDS - 60)
      expect((await tusCalls(own).head(made.location)).status).toBe(200)
      own.forward(61)
      expect((await tusCalls(own).head(made.location)).status).toBe(404)
      expect((await tusCalls(own).patch(made.location, 10, Buffer.from('x'))).status).toBe(404)
    })
  })
})

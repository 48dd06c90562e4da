/** What browsers and tus clients are told about every upload address before they use it: uploads.md §2.7, §3.1. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fileForm, FORM, makeLink, movieBytes } from './form-fixture.ts'
import {
  type Answer,
  call,
  CHUNK_TYPE,
  refusalOf,
  startUploadServer,
  TUS,
  tusCalls,
  type UploadServer,
} from './tus-fixture.ts'

let server: UploadServer

beforeAll(async () => {
  server = await startUploadServer()
})
afterAll(() => server.stop())

/** The headers that every answer on an upload address carries, to the letter. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'POST, HEAD, PATCH, OPTIONS, DELETE',
  'access-control-allow-headers':
    'Authorization, Content-Type, Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, Upload-Creator, Upload-Checksum, Upload-Concat, X-HTTP-Method-Override, X-Requested-With, X-Request-ID',
  'access-control-expose-headers':
    'Location, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, stream-media-id',
  'access-control-max-age': '86400',
}
const TUS_OPTIONS = {
  'tus-resumable': '1.0.0',
  'tus-version': '1.0.0',
  'tus-max-size': '32212254720',
  'tus-extension': 'creation,creation-with-upload,expiration,checksum,termination,concatenation',
  'tus-checksum-algorithm': 'sha1,sha256,md5,crc32',
}

/** Every kind of upload address, with one of each that is nobody's. */
const ADDRESSES: readonly [name: string, speaks: 'tus' | 'form', find: () => string | Promise<string>][] = [
  ['creation', 'tus', () => server.endpoint],
  ['creation of a one-time address', 'tus', () => `${server.endpoint}?direct_user=true`],
  ['an address of the account', 'tus', async () => (await tusCalls(server).create(10)).location],
  [
    'a one-time address',
    'tus',
    async () => (await tusCalls(server).create(10, { query: '?direct_user=true' })).location,
  ],
  ['a finished upload', 'tus', async () => (await tusCalls(server).create(0)).location],
  [
    'an unknown address of the account',
    'tus',
    () => `${server.url}/client/v4/accounts/${server.accountId}/media/${'0'.repeat(32)}?tusv2=true`,
  ],
  ['an unknown one-time address', 'tus', () => `${server.url}/upload/tus/${'x'.repeat(43)}`],
  ['a form link', 'form', async () => (await makeLink(server)).uploadURL],
  ['an unknown form link', 'form', () => `${server.url}/upload/${'0'.repeat(32)}`],
]

/** With what OPTIONS may come: nothing, a wrong version, or what browsers ask before each method. */
const QUESTIONS: readonly [name: string, headers: Readonly<Record<string, string>>][] = [
  ['by a tus client', {}],
  ['with another version', { 'tus-resumable': '0.0.1' }],
  ['with a page but no method', { origin: 'https://shop.example' }],
  ...['POST', 'HEAD', 'PATCH', 'DELETE'].map((method): [string, Record<string, string>] => [
    `before ${method} of a page`,
    {
      origin: 'https://shop.example',
      'access-control-request-method': method,
      'access-control-request-headers': CORS['access-control-allow-headers'].toLowerCase(),
    },
  ]),
  ['before a PATCH of a file', { origin: 'null', 'access-control-request-method': 'PATCH' }],
]

describe.each(ADDRESSES)('OPTIONS on %s', (_, speaks, find) => {
  test.each(QUESTIONS)('%s: 204 to anybody, and the same for all', async (_name, headers) => {
    const answer = await call('OPTIONS', await find(), headers)
    expect(answer).toMatchObject({ status: 204, text: '' })
    expect(answer.headers).toMatchObject(CORS)
    if (speaks === 'tus') expect(answer.headers).toMatchObject(TUS_OPTIONS)
    else for (const name of Object.keys(TUS_OPTIONS)) expect(answer.headers).not.toHaveProperty(name)
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
    expect(answer.headers).not.toHaveProperty('content-length')
  })
})

/** Requests with the status each is answered with; `own` is the address of an upload of one byte, or the form link. */
type Requests = readonly [
  method: string,
  headers: Record<string, string>,
  status: number,
  body?: Uint8Array,
][]

const auth = () => ({ authorization: `Bearer ${server.token}` })
const onAddress = (credentials: Record<string, string>): Requests => [
  ['HEAD', { ...TUS, ...credentials }, 200],
  ['HEAD', credentials, 412],
  ['GET', { ...TUS, ...credentials }, 405],
  ['PATCH', { ...TUS, ...credentials }, 415],
  ['PATCH', { ...TUS, ...CHUNK_TYPE, ...credentials }, 400],
  ['PATCH', { ...TUS, ...CHUNK_TYPE, ...credentials, 'upload-offset': '1' }, 409, Buffer.from('x')],
  [
    'PATCH',
    {
      ...TUS,
      ...CHUNK_TYPE,
      ...credentials,
      'upload-offset': '0',
      'upload-checksum': 'sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=',
    },
    460,
    Buffer.from('x'),
  ],
  ['PATCH', { ...TUS, ...CHUNK_TYPE, ...credentials, 'upload-offset': '0' }, 204, Buffer.from('x')],
  ['DELETE', { ...TUS, ...credentials }, 204],
  ['HEAD', { ...TUS, ...credentials }, 410],
]
const onCreation = (): Requests => [
  ['POST', { ...TUS, ...auth(), 'upload-length': '10' }, 201],
  ['POST', { ...TUS, 'upload-length': '10' }, 401],
  ['POST', { ...TUS, authorization: `Bearer ${server.readToken}`, 'upload-length': '10' }, 403],
  ['POST', { ...auth(), 'upload-length': '10' }, 412],
  ['POST', { ...TUS, ...auth() }, 400],
  ['POST', { ...TUS, ...auth(), 'upload-length': '99999999999' }, 413],
]
const WAYS: readonly [name: string, find: () => string | Promise<string>, requests: () => Requests][] = [
  ['creation', () => server.endpoint, onCreation],
  ['creation of a one-time address', () => `${server.endpoint}?direct_user=true`, onCreation],
  [
    'an address of the account',
    async () => (await tusCalls(server).create(1)).location,
    () => [['HEAD', TUS, 401], ...onAddress(auth())],
  ],
  [
    'a one-time address',
    async () => (await tusCalls(server).create(1, { query: '?direct_user=true' })).location,
    () => onAddress({}),
  ],
  [
    'a form link',
    async () => (await makeLink(server)).uploadURL,
    () => [
      ['GET', {}, 405],
      ['POST', TUS, 405],
      ['POST', {}, 415],
      ['POST', FORM, 400, fileForm('no film')],
      ['POST', FORM, 200, fileForm(movieBytes(5_000))],
      ['POST', FORM, 409, fileForm(movieBytes(5_000))],
    ],
  ],
]

describe.each([
  ['from a page', { origin: 'https://shop.example' }],
  ['from no page', {}],
])('every answer %s', (_, origin: Record<string, string>) => {
  test.each(WAYS)('on %s can be read by any page, refusals too', async (name, find, requests) => {
    const url = await find()
    const answers: [number, Answer][] = []
    for (const [method, headers, status, body] of requests()) {
      answers.push([status, await call(method, url, { ...headers, ...origin }, body)])
    }
    expect(answers.map(([, { status }]) => status)).toEqual(answers.map(([status]) => status))
    for (const [, { headers }] of answers) {
      expect(headers).toMatchObject(CORS)
      expect(headers).not.toHaveProperty('access-control-allow-credentials')
      if (name !== 'a form link') expect(headers['tus-resumable']).toBe('1.0.0')
    }
  })
})

test('a path under the upload addresses that is none of them is 404, and a page may know', async () => {
  for (const path of ['/upload', '/upload/tus/x/y', `/upload/${'0'.repeat(32)}/x`]) {
    const answer = await call('PATCH', `${server.url}${path}`, { origin: 'https://shop.example' })
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([404, '*'])
  }
})

test('the rest of the API lets no page in', async () => {
  const page = { origin: 'https://shop.example' }
  const made = await tusCalls(server).create(10)
  const one = `${server.endpoint}/${made.uid}`
  const answers = [
    await call('GET', server.endpoint, { ...page, ...auth() }),
    await call('GET', one, { ...page, ...auth() }),
    await call('POST', server.endpoint, { ...page, ...auth(), ...FORM }, fileForm('no film')),
    await call('OPTIONS', one, { ...page, 'access-control-request-method': 'GET' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 405])
  for (const { headers } of answers) {
    expect(Object.keys(headers).filter((header) => header.startsWith('access-control'))).toEqual([])
  }
  expect(refusalOf(answers[3] ?? { text: '' }).code).toBe(10006)
})

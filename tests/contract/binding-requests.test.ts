/**
 * What the binding asks for and makes of the answer, call by call (api.md §5 to §11, §14). The other end here is a real
 * HTTP server that keeps what it was asked.
 */

import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { StreamBinding } from '../../src/binding/index.ts'

const ID = '7d1f0c5ab2e94c3d8a6f41e07b9c2d30'
const ACCOUNT = '0123456789abcdef0123456789abcdef'

const asked: { method: string; path: string; json?: unknown; form?: Record<string, unknown> }[] = []
let answer: { status: number; body: object } = { status: 200, body: {} }
let stream: StreamBinding

const server = createServer((incoming, outgoing) => {
  keep(incoming).then(
    () => {
      outgoing.writeHead(answer.status, { 'content-type': 'application/json' })
      outgoing.end(JSON.stringify(answer.body))
    },
    () => outgoing.destroy(),
  )
})

async function keep(incoming: IncomingMessage): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const type = incoming.headers['content-type'] ?? ''
  asked.push({
    method: incoming.method ?? '',
    path: (incoming.url ?? '').replace(`/client/v4/accounts/${ACCOUNT}/stream`, ''),
    ...(type === 'application/json' ? { json: JSON.parse(body.toString()) as unknown } : {}),
    ...(type.startsWith('multipart/') ? { form: await readForm(body, type) } : {}),
  })
}

async function readForm(body: Buffer, type: string): Promise<Record<string, unknown>> {
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
  const parts = [...form].map(async ([name, value]) =>
    typeof value === 'string' ? [name, value] : [name, { name: value.name, text: await value.text() }],
  )
  return Object.fromEntries(await Promise.all(parts)) as Record<string, unknown>
}

beforeAll(async () => {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  stream = new StreamBinding({
    baseURL: `http://127.0.0.1:${port}`,
    accountId: ACCOUNT,
    apiToken: 'token-of-mine',
  })
})
afterAll(() => server.close())
beforeEach(() => asked.splice(0))

const succeedWith = (result: unknown) => {
  answer = { status: 200, body: { result, success: true, errors: [], messages: [] } }
}
const refuseWith = (status: number, error: object) => {
  answer = { status, body: { result: null, success: false, errors: [error], messages: null } }
}
const textStream = (...texts: string[]) => ReadableStream.from(texts.map((text) => Buffer.from(text)))

const PROFILE = { uid: ID, name: 'mark', opacity: 1, padding: 0.05, scale: 0.15, position: 'upperRight' }
const SHOWN_PROFILE = { id: ID, name: 'mark', opacity: 1, padding: 0.05, scale: 0.15, position: 'upperRight' }
const CAPTION = { language: 'en', label: 'English', generated: false, status: 'ready' }
const DOWNLOAD = { status: 'inprogress', url: 'https://a.example/default.mp4', percentComplete: 0 }
const VIDEO = { uid: ID, meta: {}, playback: { hls: 'h', dash: 'd' }, watermark: null }
const SHOWN_VIDEO = {
  id: ID,
  meta: {},
  hlsPlaybackUrl: 'h',
  dashPlaybackUrl: 'd',
  watermark: null,
  liveInputId: null,
  clippedFromId: null,
  publicDetails: null,
}
const NEW = { creator: 'c', meta: { name: 'n' }, allowedOrigins: ['a.com'], requireSignedURLs: true }

/** Name, the call, what it must ask, the server's result, what it must answer. */
const CALLS: readonly (readonly [
  string,
  () => Promise<unknown>,
  (typeof asked)[number],
  unknown,
  unknown,
])[] = [
  [
    'upload',
    () => stream.upload('https://a.example/film.mp4'),
    { method: 'POST', path: '/copy', json: { input: 'https://a.example/film.mp4' } },
    VIDEO,
    SHOWN_VIDEO,
  ],
  [
    'upload with a watermark',
    () => stream.upload('https://a.example/film.mp4', { ...NEW, watermarkId: ID }),
    {
      method: 'POST',
      path: '/copy',
      json: { ...NEW, input: 'https://a.example/film.mp4', watermark: { uid: ID } },
    },
    { ...VIDEO, watermark: PROFILE, liveInput: ID, clippedFrom: ID },
    { ...SHOWN_VIDEO, watermark: SHOWN_PROFILE, liveInputId: ID, clippedFromId: ID },
  ],
  [
    'createDirectUpload',
    () => stream.createDirectUpload({ maxDurationSeconds: 60 }),
    { method: 'POST', path: '/direct_upload', json: { maxDurationSeconds: 60 } },
    { uploadURL: 'https://a.example/up', uid: ID },
    { uploadURL: 'https://a.example/up', id: ID, watermark: null, scheduledDeletion: null },
  ],
  [
    'createDirectUpload with everything',
    () =>
      stream.createDirectUpload({
        ...NEW,
        maxDurationSeconds: 60,
        expiry: '2027-01-31T08:00:00Z',
        watermark: { id: ID },
      }),
    {
      method: 'POST',
      path: '/direct_upload',
      json: { ...NEW, maxDurationSeconds: 60, expiry: '2027-01-31T08:00:00Z', watermark: { uid: ID } },
    },
    {
      uploadURL: 'https://a.example/up',
      uid: ID,
      watermark: PROFILE,
      scheduledDeletion: '2027-06-01T00:00:00.000000Z',
    },
    {
      uploadURL: 'https://a.example/up',
      id: ID,
      watermark: SHOWN_PROFILE,
      scheduledDeletion: '2027-06-01T00:00:00.000000Z',
    },
  ],
  [
    'generateToken',
    () => stream.video(ID).generateToken(),
    { method: 'POST', path: `/${ID}/token` },
    { token: 'a.b.c' },
    'a.b.c',
  ],
  [
    'downloads.generate',
    () => stream.video(ID).downloads.generate(),
    { method: 'POST', path: `/${ID}/downloads/default` },
    { default: DOWNLOAD },
    { default: DOWNLOAD },
  ],
  [
    'downloads.generate of sound',
    () => stream.video(ID).downloads.generate('audio'),
    { method: 'POST', path: `/${ID}/downloads/audio` },
    { audio: DOWNLOAD },
    { audio: DOWNLOAD },
  ],
  [
    'downloads.get',
    () => stream.video(ID).downloads.get(),
    { method: 'GET', path: `/${ID}/downloads` },
    {},
    {},
  ],
  [
    'downloads.delete',
    () => stream.video(ID).downloads.delete(),
    { method: 'DELETE', path: `/${ID}/downloads/default` },
    'ok',
    undefined,
  ],
  [
    'captions.upload',
    () => stream.video(ID).captions.upload('pt-BR', textStream('WEBVTT\n', '\n')),
    {
      method: 'PUT',
      path: `/${ID}/captions/pt-BR`,
      form: { file: { name: 'pt-BR.vtt', text: 'WEBVTT\n\n' } },
    },
    CAPTION,
    CAPTION,
  ],
  [
    'captions.generate',
    () => stream.video(ID).captions.generate('en'),
    { method: 'POST', path: `/${ID}/captions/en/generate` },
    CAPTION,
    CAPTION,
  ],
  [
    'captions.list',
    () => stream.video(ID).captions.list(),
    { method: 'GET', path: `/${ID}/captions` },
    [CAPTION],
    [CAPTION],
  ],
  [
    'captions.list of one language',
    () => stream.video(ID).captions.list('en'),
    { method: 'GET', path: `/${ID}/captions/en` },
    CAPTION,
    [CAPTION],
  ],
  [
    'captions.delete',
    () => stream.video(ID).captions.delete('en'),
    { method: 'DELETE', path: `/${ID}/captions/en` },
    '',
    undefined,
  ],
  [
    'watermarks.generate from an address',
    () => stream.watermarks.generate('https://a.example/mark.png', { scale: 0.2 }),
    { method: 'POST', path: '/watermarks', json: { url: 'https://a.example/mark.png', scale: 0.2 } },
    PROFILE,
    SHOWN_PROFILE,
  ],
  [
    'watermarks.generate from bytes',
    () => stream.watermarks.generate(textStream('PNG'), { name: 'mark', scale: 0.2 }),
    {
      method: 'POST',
      path: '/watermarks',
      form: { name: 'mark', scale: '0.2', file: { name: 'watermark.png', text: 'PNG' } },
    },
    PROFILE,
    SHOWN_PROFILE,
  ],
  [
    'watermarks.list',
    () => stream.watermarks.list(),
    { method: 'GET', path: '/watermarks' },
    [PROFILE],
    [SHOWN_PROFILE],
  ],
  [
    'watermarks.get',
    () => stream.watermarks.get(ID),
    { method: 'GET', path: `/watermarks/${ID}` },
    PROFILE,
    SHOWN_PROFILE,
  ],
  [
    'watermarks.delete',
    () => stream.watermarks.delete(ID),
    { method: 'DELETE', path: `/watermarks/${ID}` },
    '',
    undefined,
  ],
]

test.each(CALLS)('%s', async (_name, call, request, result, expected) => {
  succeedWith(result)
  expect(await call()).toEqual(expected)
  expect(asked).toEqual([request])
})

describe('refused', () => {
  test.each([
    [
      'a used address',
      () => stream.upload('https://a.example'),
      409,
      { code: 10007 },
      'AlreadyUploadedError',
    ],
    [
      'storage used up',
      () => stream.createDirectUpload({ maxDurationSeconds: 1 }),
      413,
      { code: 10011 },
      'QuotaReachedError',
    ],
    [
      'a caption that exists',
      () => stream.video(ID).captions.generate('en'),
      409,
      { code: 10007 },
      'StreamError',
    ],
    [
      'an image that cannot be fetched',
      () => stream.watermarks.generate('https://a.example', {}),
      400,
      { code: 10005, source: { pointer: '/url' } },
      'InvalidURLError',
    ],
    [
      'a wrong number for a watermark',
      () => stream.watermarks.generate('https://a.example', { scale: 2 }),
      400,
      { code: 10005, source: { pointer: '/scale' } },
      'BadRequestError',
    ],
    [
      'one profile too many',
      () => stream.watermarks.generate(textStream('PNG'), {}),
      400,
      { code: 10005, message: 'Bad Request: too many watermarks: why' },
      'TooManyWatermarksError',
    ],
  ])('%s', async (_name, call, status, error, name) => {
    refuseWith(status, { message: 'why', ...error })
    await expect(call()).rejects.toMatchObject({
      name,
      statusCode: status,
      code: error.code,
      message: expect.stringContaining('why') as string,
    })
  })

  test.each([
    ['a language', () => stream.video(ID).captions.list('..'), 'BadRequestError'],
    ['an empty language', () => stream.video(ID).captions.delete(''), 'BadRequestError'],
    ['a download type', () => stream.video(ID).downloads.delete('film' as 'audio'), 'BadRequestError'],
    ['a watermark’s id', () => stream.watermarks.delete('../keys'), 'NotFoundError'],
    [
      'objects for bytes',
      () => stream.video(ID).captions.upload('en', ReadableStream.from([{}])),
      'BadRequestError',
    ],
  ])('%s that would name another resource is not even asked for', async (_name, call, name) => {
    await expect(call()).rejects.toMatchObject({ name })
    expect(asked).toEqual([])
  })

  test('captions and images over their limit are not sent, and their streams end', async () => {
    let ended = false
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1_048_576)),
      cancel: () => {
        ended = true
      },
    })
    await expect(stream.video(ID).captions.upload('en', endless)).rejects.toMatchObject({
      name: 'MaxFileSizeError',
      code: 10008,
      statusCode: 413,
    })
    expect(ended).toBe(true)
    expect(asked).toEqual([])
  })

  test('a stream that fails by itself fails the call with its own error', async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('torn')),
    })
    await expect(stream.watermarks.generate(broken, {})).rejects.toThrow('torn')
  })
})

/** `client.stream.watermarks` (spec §11), by the SDK in every version and field by field. */

import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StreamBinding } from '../../src/binding/index.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { type Origin, startOrigin } from '../harness/origin.ts'
import { makePng, PNG_SIGNATURE, pngChunk, pngHeader } from '../harness/png.ts'
import { SDKS, violations } from './sdk.ts'

const MARK = makePng(40, 20, (x) => [255, 0, 0, x * 6])
const MAX_BYTES = 2_097_152
const UNKNOWN = 'ea95132c15732412d22c1476fa83f27a'
const DEFAULTS = { name: '', opacity: 1, padding: 0.05, scale: 0.15, position: 'upperRight' }

let server: ApiServer
let origin: Origin
let folder: string
beforeAll(async () => {
  server = await startApi({ allowPrivateFetch: true })
  origin = await startOrigin({ bytes: MARK }, { path: '/mark.png', behaviour: { instead: answerOddly } })
  folder = await mkdtemp(join(tmpdir(), 'headwater-watermarks-'))
})
afterAll(async () => {
  await server.close()
  await origin.stop()
  await rm(folder, { recursive: true })
  expect(violations).toEqual([])
})

type Envelope = {
  result: Record<string, unknown>
  errors: { code: number; message: string; source?: { pointer?: string } }[]
}

async function call(
  method: string,
  path: string,
  body?: FormData | object,
  options: { token?: string } = {},
) {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream${path}`, {
    method,
    headers: { authorization: `Bearer ${options.token ?? server.token}` },
    body: body === undefined || body instanceof FormData ? body : JSON.stringify(body),
  })
  return { status: response.status, ...((await response.json()) as Envelope) }
}

function formOf(file: Uint8Array | undefined, fields: Record<string, string> = {}): FormData {
  const form = new FormData()
  if (file !== undefined) form.append('file', new Blob([new Uint8Array(file)]), 'mark.png')
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  return form
}

async function newMark(fields: Record<string, string> = {}): Promise<string> {
  const { result } = await call('POST', '/watermarks', formOf(MARK, fields))
  return String(result.uid)
}

const images = async () => (await Array.fromAsync(server.blobs.list('watermarks/'))).map(({ name }) => name)

/** Of Base64, as `Upload-Metadata` wants it. */
const encoded = (text: string) => Buffer.from(text).toString('base64')

describe.each(SDKS)('version %s of the SDK', (_version, create) => {
  test('creates from a file and from an address, lists, gets and deletes', async () => {
    const client = create({ baseURL: server.apiUrl, apiToken: server.token })
    const account = { account_id: server.accountId }
    const path = join(folder, 'mark.png')
    await writeFile(path, MARK)
    const file = createReadStream(path)
    const made = await client.stream.watermarks.create({
      ...account,
      file,
      scale: 0.3,
      name: 'ours',
    } as never)
    expect(made).toEqual({
      ...DEFAULTS,
      scale: 0.3,
      name: 'ours',
      uid: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      size: MARK.length,
      width: 40,
      height: 20,
      downloadedFrom: null,
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
    })
    const fetched = await client.stream.watermarks.create({
      ...account,
      url: origin.url,
      opacity: 0.5,
      padding: 0,
      position: 'center',
    })
    expect(fetched).toMatchObject({
      opacity: 0.5,
      padding: 0,
      position: 'center',
      downloadedFrom: origin.url,
    })
    const listed = await Array.fromAsync(client.stream.watermarks.list(account))
    expect(listed.slice(0, 2)).toEqual([fetched, made])
    expect(await client.stream.watermarks.get(made.uid ?? '', account)).toEqual(made)
    for (const { uid = '' } of [made, fetched]) {
      expect(await client.stream.watermarks.delete(uid, account)).toBe('')
      await expect(client.stream.watermarks.get(uid, account)).rejects.toMatchObject({ status: 404 })
    }
  })

  test('is refused what is no image, or none at all', async () => {
    const client = create({ baseURL: server.apiUrl, apiToken: server.token })
    const account = { account_id: server.accountId }
    for (const file of ['text', Buffer.from('bytes'), undefined]) {
      const made = client.stream.watermarks.create({ ...account, name: 'x', file } as never)
      await expect(made).rejects.toMatchObject({ status: 400, errors: [{ code: 10005 }] })
    }
  })
})

test('the binding generates from bytes and from an address, lists, gets and deletes, and tells refusals apart', async () => {
  const stream = new StreamBinding({
    baseURL: server.apiUrl,
    accountId: server.accountId,
    apiToken: server.token,
  })
  const { watermarks } = stream
  const made = await watermarks.generate(new Blob([new Uint8Array(MARK)]).stream(), { scale: 0 })
  expect(made).toMatchObject({ ...DEFAULTS, scale: 0, width: 40, height: 20, downloadedFrom: null })
  const fetched = await watermarks.generate(origin.url, {})
  expect(fetched).toMatchObject({ ...DEFAULTS, downloadedFrom: origin.url })
  expect((await watermarks.list()).slice(0, 2)).toEqual([fetched, made])
  expect(await watermarks.get(made.id)).toEqual(made)
  const link = await stream.createDirectUpload({ maxDurationSeconds: 60, watermark: { id: made.id } })
  expect(link.watermark).toEqual(made)
  expect((await stream.upload(origin.url, { watermarkId: made.id })).watermark).toEqual(made)
  await watermarks.delete(made.id)
  await watermarks.delete(fetched.id)
  for (const [ask, name] of [
    [() => watermarks.get(made.id), 'NotFoundError'],
    [() => watermarks.generate(at('/gone'), {}), 'InvalidURLError'],
    [() => watermarks.generate(origin.url, { scale: 2 }), 'BadRequestError'],
    [() => watermarks.generate(at('/text'), {}), 'BadRequestError'],
  ] as const) {
    await expect(ask()).rejects.toMatchObject({ name })
  }
})

describe('a profile', () => {
  test('has the defaults, and what a form says of it, in any order and case', async () => {
    expect((await call('POST', '/watermarks', formOf(MARK))).result).toMatchObject(DEFAULTS)
    const given = { Name: 'ours', opacity: '0', PADDING: '1', scale: '.5', position: 'lowerLeft', other: 'x' }
    const form = formOf(undefined, given)
    form.append('file', new Blob([new Uint8Array(MARK)]))
    const { result } = await call('POST', '/watermarks', form)
    expect(result).toMatchObject({ name: 'ours', opacity: 0, padding: 1, scale: 0.5, position: 'lowerLeft' })
  })

  test('has the defaults, and what JSON says of it', async () => {
    const { result } = await call('POST', '/watermarks', { URL: origin.url })
    expect(result).toMatchObject({ ...DEFAULTS, downloadedFrom: origin.url })
    const given = { name: 'ours', opacity: 0, padding: 1, scale: 0, position: 'center' }
    expect((await call('POST', '/watermarks', { ...given, url: origin.url })).result).toMatchObject(given)
  })

  test('may be made by a form with an address; a file beside it wins, and credentials are not shown', async () => {
    const address = origin.url.replace('//', '//me:secret@')
    const fetched = await call('POST', '/watermarks', formOf(undefined, { url: address, scale: '' }))
    expect(fetched.result).toMatchObject({ downloadedFrom: origin.url, scale: 0.15 })
    expect(origin.requests.at(-1)?.authorization).toBe(`Basic ${encoded('me:secret')}`)
    const sent = await call('POST', '/watermarks', formOf(MARK, { url: at('/gone') }))
    expect(sent.result).toMatchObject({ downloadedFrom: null })
  })

  test('is told to whoever may read, and made and deleted by whoever may write', async () => {
    const uid = await newMark()
    const { readToken: token } = server
    expect((await call('GET', `/watermarks/${uid}`, undefined, { token })).result.uid).toBe(uid)
    expect((await call('POST', '/watermarks', formOf(MARK), { token })).status).toBe(403)
    expect((await call('DELETE', `/watermarks/${uid}`, undefined, { token })).status).toBe(403)
  })

  test('of another account is not there', async () => {
    const uid = await newMark()
    await server.db.updateTable('watermarks').set({ account_id: UNKNOWN }).where('uid', '=', uid).execute()
    const listed = (await call('GET', '/watermarks')).result as unknown as { uid: string }[]
    expect(listed.map((profile) => profile.uid)).not.toContain(uid)
    for (const id of [uid, UNKNOWN, 'x'.repeat(300)]) {
      for (const method of ['GET', 'DELETE']) {
        const { status, errors } = await call(method, `/watermarks/${id}`)
        expect([status, errors[0]?.code]).toEqual([404, 10003])
      }
      const body = { url: origin.url, watermark: { uid: id } }
      expect((await call('POST', '/copy', body)).errors[0]?.code).toBe(10003)
    }
  })

  test.each([
    ['JSON with a number too large', { url: '', opacity: 1.1 }, 10005, '/opacity'],
    ['JSON with a number below zero', { url: '', padding: -0.1 }, 10005, '/padding'],
    ['JSON with a text for a number', { url: '', scale: '0.5' }, 10004, '/scale'],
    ['JSON with a number for a text', { url: '', name: 5 }, 10004, '/name'],
    ['JSON with a place there is not', { url: '', position: 'upperright' }, 10005, '/position'],
    ['JSON with a long name', { url: '', name: 'x'.repeat(256) }, 10005, '/name'],
    ['JSON without an address', { name: 'x' }, 10005, '/file'],
    ['an address that is none', { url: 'mark.png' }, 10005, '/url'],
    ['an address of another kind', { url: 'ftp://a.example/mark.png' }, 10005, '/url'],
    ['a form with a text for a number', formOf(MARK, { scale: 'wide' }), 10005, '/scale'],
    ['a form with a number too large', formOf(MARK, { scale: '1e3' }), 10005, '/scale'],
    ['a form with neither file nor address', formOf(undefined, { name: 'x' }), 10005, '/file'],
    ['an empty file', formOf(Buffer.alloc(0)), 10005, '/file'],
    ['another image', formOf(Buffer.from('/9j/4AAQSkZJRgABAQ', 'base64')), 10005, '/file'],
  ])('is refused with %s', async (_name, body, code, pointer) => {
    const before = await images()
    const { status, errors } = await call('POST', '/watermarks', body)
    expect([status, errors[0]?.code, errors[0]?.source?.pointer]).toEqual([400, code, pointer])
    expect(await images()).toEqual(before)
  })

  test('is refused to the hundred and first, of which nothing is left', async () => {
    const uid = await newMark()
    const row = await server.db
      .selectFrom('watermarks')
      .selectAll()
      .where('uid', '=', uid)
      .executeTakeFirstOrThrow()
    const rows = Array.from({ length: 100 }, (_, index) => ({
      ...row,
      uid: `${index}`,
      image_blob: `${index}`,
    }))
    await server.db.insertInto('watermarks').values(rows).execute()
    const before = await images()
    const asked = origin.requests.length
    const { status, errors } = await call('POST', '/watermarks', { url: origin.url })
    expect([status, errors[0]?.code]).toEqual([400, 10005])
    expect(errors[0]?.message).toMatch(/^Bad Request: too many watermarks: .*100/)
    const { watermarks } = new StreamBinding({
      baseURL: server.apiUrl,
      accountId: server.accountId,
      apiToken: server.token,
    })
    await expect(watermarks.generate(origin.url, {})).rejects.toMatchObject({
      name: 'TooManyWatermarksError',
    })
    expect(origin.requests).toHaveLength(asked)
    expect(await images()).toEqual(before)
    await server.db
      .deleteFrom('watermarks')
      .where(
        'image_blob',
        'in',
        rows.map((one) => one.image_blob),
      )
      .execute()
  })
})

describe('an image', () => {
  test('may have 2 MiB and not a byte more', async () => {
    const end = pngChunk('IEND', Buffer.alloc(0))
    const padded = (bytes: number) =>
      Buffer.concat([
        MARK.subarray(0, -end.length),
        pngChunk('teXt', Buffer.alloc(bytes - MARK.length - 12, 120)),
        end,
      ])
    const fits = await call('POST', '/watermarks', formOf(padded(MAX_BYTES)))
    expect([fits.status, fits.result.size]).toEqual([200, MAX_BYTES])
    for (const bytes of [MAX_BYTES + 1, MAX_BYTES + 500_000]) {
      const { status, errors } = await call('POST', '/watermarks', formOf(padded(bytes)))
      expect([status, errors[0]?.code]).toEqual([413, 10008])
    }
    for (const path of ['/long', '/endless']) {
      const { status, errors } = await call('POST', '/watermarks', { url: at(path) })
      expect([status, errors[0]?.code]).toEqual([413, 10008])
    }
  })

  test.each([
    ['grey', Buffer.concat([PNG_SIGNATURE, pngHeader(2, 2, 0), idat(Buffer.alloc(6)), iend()])],
    [
      'as large as may be',
      Buffer.concat([PNG_SIGNATURE, pngHeader(4096, 9), idat(Buffer.alloc(16385 * 9)), iend()]),
    ],
  ])('may be %s', async (_name, bytes) => {
    expect((await call('POST', '/watermarks', formOf(bytes))).status).toBe(200)
  })

  test.each([
    ['cut off', MARK.subarray(0, -20)],
    [
      'too large on every screen',
      Buffer.concat([PNG_SIGNATURE, pngHeader(4097, 1), idat(Buffer.alloc(16389)), iend()]),
    ],
    [
      'of gigabytes',
      Buffer.concat([PNG_SIGNATURE, pngHeader(60_000, 60_000), idat(Buffer.alloc(99_999)), iend()]),
    ],
    [
      'of pixels that are no deflate',
      Buffer.concat([PNG_SIGNATURE, pngHeader(40, 20), pngChunk('IDAT', Buffer.alloc(99, 7)), iend()]),
    ],
    [
      'of a palette that is missing',
      Buffer.concat([PNG_SIGNATURE, pngHeader(40, 20, 3), idat(Buffer.alloc(41 * 20)), iend()]),
    ],
  ])('that is %s is refused', async (_name, bytes) => {
    const before = await images()
    const { status, errors } = await call('POST', '/watermarks', formOf(bytes))
    expect([status, errors[0]?.code, errors[0]?.source?.pointer]).toEqual([400, 10005, '/file'])
    expect(await images()).toEqual(before)
  })

  test.each([
    ['/gone', 'status 404'],
    ['/cut', 'cut the connection'],
    ['/loop', 'redirect'],
  ])('at %s cannot be fetched', async (path, why) => {
    const { status, errors } = await call('POST', '/watermarks', { url: at(path) })
    expect([status, errors[0]?.code, errors[0]?.source?.pointer]).toEqual([400, 10005, '/url'])
    expect(errors[0]?.message).toContain(why)
  })

  test('at a private address is not even asked for', async () => {
    const guarded = await startApi()
    try {
      const asked = origin.requests.length
      const response = await fetch(`${guarded.apiUrl}/accounts/${guarded.accountId}/stream/watermarks`, {
        method: 'POST',
        headers: { authorization: `Bearer ${guarded.token}` },
        body: JSON.stringify({ url: origin.url }),
      })
      expect([response.status, ((await response.json()) as Envelope).errors[0]?.source]).toEqual([
        400,
        { pointer: '/url' },
      ])
      expect(origin.requests).toHaveLength(asked)
    } finally {
      await guarded.close()
    }
  })
})

function idat(rows: Buffer): Buffer {
  return pngChunk('IDAT', deflateSync(rows))
}

function iend(): Buffer {
  return pngChunk('IEND', Buffer.alloc(0))
}

function at(path: string): string {
  return new URL(path, origin.url).href
}

/** What addresses beside the image's own answer. */
function answerOddly(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
  const { url } = incoming
  if (url === '/gone') outgoing.writeHead(404).end()
  else if (url === '/text') outgoing.end('text')
  else if (url === '/loop') outgoing.writeHead(302, { location: '/loop' }).end()
  else if (url === '/long') outgoing.writeHead(200, { 'content-length': MAX_BYTES + 1 }).write(MARK)
  else if (url === '/endless') {
    const more = () => outgoing.write(Buffer.alloc(65_536)) && setImmediate(more)
    outgoing.on('drain', more)
    more()
  } else if (url === '/cut') {
    outgoing.writeHead(200, { 'content-length': 1_000 })
    outgoing.write(MARK.subarray(0, 50), () => outgoing.destroy())
  } else return false
  return true
}

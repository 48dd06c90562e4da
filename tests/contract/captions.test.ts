/** `client.stream.captions` (spec §6), by the SDK in every version and field by field. */

import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StreamBinding } from '../../src/binding/index.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { type Client, SDKS, violations } from './sdk.ts'

const VTT = 'WEBVTT\n\n00:00.000 --> 00:01.000\nGrüße\n'
/** Byte order mark, CR LF and a comment: what nobody may tidy up. */
const ODD_VTT = '\uFEFFWEBVTT odd\r\n\r\nNOTE kept\r\n\r\n00:00.000 --> 00:01.000\r\nx\r\n'
const MAX_BYTES = 10_485_760

let server: ApiServer
let folder: string
beforeAll(async () => {
  server = await startApi()
  folder = await mkdtemp(join(tmpdir(), 'headwater-captions-'))
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true })
  expect(violations).toEqual([])
})

async function request(method: string, path: string, body?: FormData | string, token = server.token) {
  return fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    body,
  })
}

async function call(method: string, path: string, body?: FormData | string) {
  const response = await request(method, path, body)
  const envelope = (await response.json()) as { result: unknown; errors: { code: number; message: string }[] }
  return { status: response.status, ...envelope }
}

function formOf(file: Blob): FormData {
  const form = new FormData()
  form.append('file', file, 'captions.vtt')
  return form
}

const put = (uid: string, language: string, file = new Blob([VTT])) =>
  call('PUT', `${uid}/captions/${language}`, formOf(file))
const newVideo = async () => (await server.addVideo()).uid
const blobNames = async (uid: string) =>
  (await server.db.selectFrom('blobs').select('name').where('video_uid', '=', uid).execute()).map(
    ({ name }) => name,
  )

/** Version 7 names the video among the parameters, the others before the language. */
function languageOf(client: Client, version: string, account: { account_id: string }, uid: string) {
  type Resource = Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>
  const method = (resource: object, name: string) => async (tag: string, params: object) =>
    version === '7'
      ? (resource as Resource)[name]?.(tag, { ...account, identifier: uid, ...params })
      : (resource as Resource)[name]?.(uid, tag, { ...account, ...params })
  const { language } = client.stream.captions
  return {
    update: method(language, 'update'),
    get: method(language, 'get'),
    delete: method(language, 'delete'),
    create: method(language, 'create'),
    vtt: method(language.vtt, 'get'),
  }
}

describe.each(SDKS)('version %s of the SDK', (version, create) => {
  test('uploads, lists, gets, downloads and deletes', async () => {
    const client = create({ baseURL: server.apiUrl, apiToken: server.token })
    const account = { account_id: server.accountId }
    const uid = await newVideo()
    const language = languageOf(client, version, account, uid)
    const path = join(folder, 'tr.vtt')
    await writeFile(path, ODD_VTT)
    const made = { language: 'tr', label: 'Türkçe', generated: false, status: 'ready' }
    expect(await language.update('tr', { file: createReadStream(path) })).toEqual(made)
    expect(await language.update('de', { file: VTT })).toMatchObject({ language: 'de', label: 'Deutsch' })
    const listed = await Array.fromAsync(client.stream.captions.get(uid, account))
    expect(listed.map((caption) => caption.language)).toEqual(['de', 'tr'])
    expect(await language.get('tr', {})).toEqual(made)
    // Reading an answer as text takes the byte order mark away.
    expect(await language.vtt('tr', {})).toBe(ODD_VTT.slice(1))
    expect(await language.delete('tr', {})).toBe('')
    await expect(language.get('tr', {})).rejects.toMatchObject({ status: 404 })
    await expect(language.create('en', {})).rejects.toMatchObject({ status: 403 })
  })
})

test('the binding uploads, lists, deletes, and says that there is no speech engine', async () => {
  const binding = new StreamBinding({
    baseURL: server.apiUrl,
    accountId: server.accountId,
    apiToken: server.token,
  })
  const { captions } = binding.video(await newVideo())
  const made = await captions.upload('pt-BR', new Blob([VTT]).stream())
  expect(made).toEqual({ language: 'pt-BR', label: 'português (Brasil)', generated: false, status: 'ready' })
  expect(await captions.list()).toEqual([made])
  expect(await captions.list('pt-BR')).toEqual([made])
  await captions.delete('pt-BR')
  expect(await captions.list()).toEqual([])
  await expect(captions.generate('en')).rejects.toMatchObject({
    name: 'ForbiddenError',
    code: 10002,
    statusCode: 403,
  })
})

describe('a language', () => {
  test.each([
    ['EN', 'en', 'English'],
    ['en-gb', 'en-GB', 'British English'],
    ['zh-hant-tw', 'zh-Hant-TW', undefined],
    ['tr', 'tr', 'Türkçe'],
    ['xx', 'xx', 'xx'],
    ['de-1996', 'de-1996', undefined],
  ])('%s is kept as %s and called %s', async (tag, language, label) => {
    const uid = await newVideo()
    const { status, result } = await put(uid, tag)
    expect(status).toBe(200)
    expect(result).toMatchObject({ language, ...(label !== undefined && { label }) })
    expect((await call('GET', `${uid}/captions/${tag}`)).result).toEqual(result)
    expect((await call('DELETE', `${uid}/captions/${tag}`)).status).toBe(200)
  })

  test.each(['e', 'en_US', 'english language', 'en-u-ca-buddhist', 'x-private', `en-${'a'.repeat(36)}`])(
    '%s is refused',
    async (tag) => {
      const uid = await newVideo()
      const { status, errors } = await put(uid, encodeURIComponent(tag))
      expect([status, errors[0]?.code]).toEqual([400, 10005])
      expect(errors[0]?.message).toContain('BCP 47')
      expect((await call('GET', `${uid}/captions/${encodeURIComponent(tag)}`)).status).toBe(404)
    },
  )
})

describe('an upload', () => {
  test('replaces what is there, whose file goes', async () => {
    const uid = await newVideo()
    await put(uid, 'en')
    const [before] = await blobNames(uid)
    await put(uid, 'en', new Blob([ODD_VTT]))
    const names = await blobNames(uid)
    expect(names).toHaveLength(1)
    expect(names).not.toContain(before)
    const response = await request('GET', `${uid}/captions/en/vtt`, undefined, server.readToken)
    expect(response.headers.get('content-type')).toBe('text/vtt')
    expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(ODD_VTT))
    await call('DELETE', `${uid}/captions/en`)
    expect(await blobNames(uid)).toEqual([])
  })

  test.each([
    ['no WebVTT', '1\n00:00:01,000 --> 00:00:02,000\nHi\n', 'Line 1: expected WEBVTT at the start'],
    ['empty', '', 'Line 1: expected WEBVTT at the start, found nothing'],
    [
      'a cue with a comma',
      'WEBVTT\n\n00:00.000 --> 00:01.000\na\n\n00:01,000 --> 00:02,000\nb\n',
      'Line 6 (cue 2): expected timings',
    ],
  ])('that is %s is refused, and leaves what was there', async (_name, text, sentence) => {
    const uid = await newVideo()
    await put(uid, 'en')
    const { status, errors } = await put(uid, 'en', new Blob([text]))
    expect([status, errors[0]?.code]).toEqual([400, 10005])
    expect(errors[0]?.message).toContain(sentence)
    expect(await (await request('GET', `${uid}/captions/en/vtt`)).text()).toBe(VTT)
  })

  test('may have 10 MB and not a byte more', async () => {
    const uid = await newVideo()
    const fit = `WEBVTT\n\nNOTE ${'x'.repeat(MAX_BYTES - 13)}`
    expect(fit).toHaveLength(MAX_BYTES)
    expect((await put(uid, 'en', new Blob([fit]))).status).toBe(200)
    for (const more of [1, 1_000_000]) {
      const { status, errors } = await put(uid, 'de', new Blob([fit, 'x'.repeat(more)]))
      expect([status, errors[0]?.code]).toEqual([413, 10008])
    }
    expect(await blobNames(uid)).toHaveLength(1)
  })

  test('that is no form is a decoding error, and one without the part `file` a bad request', async () => {
    const uid = await newVideo()
    const plain = await call('PUT', `${uid}/captions/en`, VTT)
    expect([plain.status, plain.errors[0]?.code]).toEqual([400, 10004])
    const other = new FormData()
    other.append('text', VTT)
    const nameless = await call('PUT', `${uid}/captions/en`, other)
    expect([nameless.status, nameless.errors[0]?.code]).toEqual([400, 10005])
  })

  test('waits for the video to have its file, and needs no more', async () => {
    const waiting = await server.addVideo({ state: 'pendingupload' })
    const { status, errors } = await put(waiting.uid, 'en')
    expect([status, errors[0]?.code]).toEqual([409, 10007])
    for (const state of ['downloading', 'queued', 'inprogress', 'error'] as const) {
      const { uid } = await server.addVideo({ state })
      expect((await put(uid, 'en')).status).toBe(200)
    }
  })

  test('needs leave to write, and a video that exists', async () => {
    const uid = await newVideo()
    const response = await request('PUT', `${uid}/captions/en`, formOf(new Blob([VTT])), server.readToken)
    expect(response.status).toBe(403)
    expect((await put('0'.repeat(32), 'en')).status).toBe(404)
    for (const path of ['captions', 'captions/en', 'captions/en/vtt']) {
      expect((await call('GET', `${'0'.repeat(32)}/${path}`)).errors[0]?.code).toBe(10003)
    }
  })
})

test('captions go with their video', async () => {
  const uid = await newVideo()
  await put(uid, 'en')
  const response = await request('DELETE', uid)
  expect(response.status).toBe(200)
  expect(await server.db.selectFrom('captions').selectAll().where('video_uid', '=', uid).execute()).toEqual(
    [],
  )
  expect(await blobNames(uid)).toEqual([])
})

/** `client.stream.audioTracks` (spec §7), by the SDK in every version and field by field; nothing is encoded here. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PresentedFailure } from '../../src/http/present-failure.ts'
import type { AudioTracksTable } from '../../src/tables.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { send } from '../harness/raw-http.ts'
import { SDKS, violations } from './sdk.ts'

/** Never fetched: no job runs here. */
const URL_OF_SOUND = 'https://example.com/sound.mp3'

type Track = {
  uid: string
  label: string
  default: boolean
  status: string
  errorReasonText?: string
  failure?: PresentedFailure
}
type Body = FormData | string | object

let server: ApiServer
beforeAll(async () => {
  server = await startApi()
})
afterAll(async () => {
  await server.close()
  expect(violations).toEqual([])
})

async function call(method: string, path: string, body?: Body) {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}` },
    ...(body !== undefined && {
      body: body instanceof FormData || typeof body === 'string' ? body : JSON.stringify(body),
    }),
  })
  const envelope = (await response.json()) as {
    result: Track
    errors: { code: number; message: string }[]
  }
  return { status: response.status, ...envelope }
}

const newVideo = async () => (await server.addVideo()).uid
const copy = (uid: string, body: object) => call('POST', `${uid}/audio/copy`, body)
const list = async (uid: string) => {
  const { result } = await call('GET', `${uid}/audio`)
  return (result as unknown as { audio: Track[] }).audio
}
const setStatus = (uid: string, fields: Partial<AudioTracksTable>) =>
  server.db.updateTable('audio_tracks').set(fields).where('uid', '=', uid).execute()

/** A track that can be played, as far as the records say. */
async function readyTrack(uid: string, label: string): Promise<string> {
  const { result } = await copy(uid, { label, url: URL_OF_SOUND })
  await setStatus(result.uid, { status: 'ready', channels: 2 })
  return result.uid
}

/** A video with as many tracks as it may have. */
async function fullVideo(): Promise<string> {
  const uid = await newVideo()
  for (let count = 1; count <= 16; count += 1) {
    expect((await copy(uid, { label: `track ${count}`, url: URL_OF_SOUND })).status).toBe(200)
  }
  return uid
}

function form(fields: Readonly<Record<string, string | Blob>>): FormData {
  const data = new FormData()
  for (const [name, value] of Object.entries(fields)) data.append(name, value)
  return data
}

describe.each(SDKS)('version %s of the SDK', (version, create) => {
  test('copies, lists, edits and deletes', async () => {
    const client = create({ baseURL: server.apiUrl, apiToken: server.token })
    const account_id = server.accountId
    const uid = await newVideo()
    const { audioTracks } = client.stream
    type Resource = Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>
    /** Version 7 names the video among the parameters, the others before the track. */
    const onTrack = (name: 'edit' | 'delete', track: string, params: object = {}) => {
      const resource = audioTracks as unknown as Resource
      return version === '7'
        ? resource[name]?.(track, { account_id, identifier: uid, ...params })
        : resource[name]?.(uid, track, { account_id, ...params })
    }
    const made = await audioTracks.copy(uid, { account_id, label: 'Deutsch', url: URL_OF_SOUND })
    const track = made.uid ?? ''
    expect(made).toEqual({ uid: track, label: 'Deutsch', default: false, status: 'queued' })
    const got: unknown = await audioTracks.get(uid, { account_id })
    // Versions 4 and 5 take the result for a page of theirs.
    expect(version < '6' ? (got as { result: unknown }).result : got).toEqual({ audio: [made] })
    await setStatus(track, { status: 'ready', channels: 1 })
    const changed = { uid: track, label: 'German', default: true, status: 'ready' }
    expect(await onTrack('edit', track, { label: 'German', default: true })).toEqual(changed)
    await expect(onTrack('delete', track)).rejects.toMatchObject({ status: 400 })
    expect(await onTrack('edit', track, { default: false })).toEqual({ ...changed, default: false })
    expect(await onTrack('delete', track)).toBe('ok')
    await expect(onTrack('edit', track, { label: 'x' })).rejects.toMatchObject({ status: 404 })
  })

  test('copies the sound of another video', async () => {
    const client = create({ baseURL: server.apiUrl, apiToken: server.token })
    const source = (await server.addVideo({ meta: { name: 'Commentary' } })).uid
    await readyTrack(source, 'spoken')
    const uid = await newVideo()
    const params = { account_id: server.accountId, audio: { source_video_id: source } }
    const labels = []
    for (let count = 0; count < 2; count += 1) {
      const made = await client.stream.audioTracks.copy(uid, params as never)
      labels.push(made.label)
    }
    expect(labels).toEqual(['Commentary', 'Commentary 2'])
  })
})

describe('what is refused', () => {
  test.each([
    ['no label', { url: URL_OF_SOUND }, 10005, '`label` is missing'],
    ['an empty label', { label: ' ', url: URL_OF_SOUND }, 10005, 'label is empty'],
    ['a label of 129 characters', { label: '😀'.repeat(129), url: URL_OF_SOUND }, 10005, 'at most 128'],
    ['a label in use', { label: 'taken', url: URL_OF_SOUND }, 10005, 'in use'],
    ['no address', { label: 'x' }, 10005, '`url` is missing'],
    ['an address of another kind', { label: 'x', url: 'ftp://example.com/a.mp3' }, 10005, 'url must be'],
    ['a label that is no text', { label: 7, url: URL_OF_SOUND }, 10004, 'label must be of type string'],
    ['a video that is no text', { audio: { source_video_id: 7 } }, 10004, 'source_video_id'],
  ])('%s', async (_name, body, code, words) => {
    const uid = await newVideo()
    await copy(uid, { label: 'taken', url: URL_OF_SOUND })
    const answer = await copy(uid, body)
    expect(answer.status).toBe(400)
    expect(answer.errors[0]).toMatchObject({ code, message: expect.stringContaining(words) })
    expect(await list(uid)).toHaveLength(1)
  })

  test('labels are compared exactly, and 128 characters are fine', async () => {
    const uid = await newVideo()
    for (const label of ['Deutsch', 'deutsch', 'Deutsch ', '😀'.repeat(128)]) {
      expect((await copy(uid, { label, url: URL_OF_SOUND })).status).toBe(200)
    }
    const [first, second] = await list(uid)
    const rename = (label: string) => call('PATCH', `${uid}/audio/${first?.uid}`, { label })
    expect((await rename(second?.label ?? '')).errors[0]?.code).toBe(10005)
    expect((await rename('Deutsch')).status).toBe(200)
  })

  test('what does not exist', async () => {
    const uid = await newVideo()
    const nothing = '0'.repeat(32)
    const other = await readyTrack(await newVideo(), 'of another video')
    const foreign = (await server.addVideo({ accountId: server.clock.newUid() })).uid
    const answers = [
      await call('GET', `${nothing}/audio`),
      await copy(nothing, { label: 'x', url: URL_OF_SOUND }),
      await copy(uid, { audio: { source_video_id: nothing } }),
      await copy(uid, { audio: { source_video_id: foreign } }),
      await copy(foreign, { label: 'x', url: URL_OF_SOUND }),
      await copy(uid, { audio: { source_video_id: 'x'.repeat(5_000) } }),
      await call('POST', `${nothing}/audio`, form({ label: 'x', file: new Blob(['x']) })),
      await call('PATCH', `${uid}/audio/${other}`, { label: 'x' }),
      await call('DELETE', `${uid}/audio/${other}`),
    ]
    expect(answers.map(({ status, errors }) => [status, errors[0]?.code])).toEqual(
      answers.map(() => [404, 10003]),
    )
    for (const { errors } of answers) expect(errors[0]?.message.length).toBeLessThan(200)
  })

  test('a video that is not ready, on either side, and one without sound', async () => {
    const waiting = (await server.addVideo({ state: 'inprogress' })).uid
    const uid = await newVideo()
    const answers = [
      await copy(waiting, { label: 'x', url: URL_OF_SOUND }),
      await call('POST', `${waiting}/audio`, form({ label: 'x', file: new Blob(['x']) })),
      await copy(uid, { audio: { source_video_id: waiting } }),
      await copy(uid, { audio: { source_video_id: uid } }),
    ]
    expect(answers.map(({ status, errors }) => [status, errors[0]?.code])).toEqual([
      [409, 10007],
      [409, 10007],
      [409, 10007],
      [400, 10005],
    ])
  })

  test('a seventeenth track, until one is deleted', async () => {
    const uid = await fullVideo()
    const add = (count: number) => copy(uid, { label: `track ${count}`, url: URL_OF_SOUND })
    expect((await add(17)).errors[0]).toMatchObject({ code: 10005, message: expect.stringContaining('16') })
    await call('DELETE', `${uid}/audio/${(await list(uid))[0]?.uid}`)
    expect((await add(17)).status).toBe(200)
    expect((await list(uid)).map(({ label }) => label).slice(-2)).toEqual(['track 16', 'track 17'])
  })

  test('a form that is none, one without a label or file, an empty file, and one that is too large', async () => {
    const uid = await newVideo()
    const post = (body: Body) => call('POST', `${uid}/audio`, body)
    const answers = [
      await post({ label: 'x' }),
      await post(form({ file: new Blob(['x']) })),
      await post(form({ label: 'x' })),
      await post(form({ label: 'x', file: new Blob([]) })),
      // Both are refused before the file is read.
      await post(form({ label: 'x'.repeat(129), file: new Blob(['x']) })),
      await call('POST', `${await fullVideo()}/audio`, form({ label: 'x', file: new Blob(['x']) })),
    ]
    expect(answers.map(({ status, errors }) => [status, errors[0]?.code])).toEqual([
      [415, 10012],
      ...Array.from({ length: 5 }, () => [400, 10005]),
    ])
    const large = await send(server.url, `/client/v4/accounts/${server.accountId}/stream/${uid}/audio`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.token}`,
        'content-type': 'multipart/form-data; boundary=x',
        'content-length': String(300 * 1024 * 1024),
        expect: '100-continue',
      },
    })
    expect([large.status, large.json().errors[0]?.code]).toEqual([413, 10008])
    expect(await list(uid)).toEqual([])
    expect(await server.db.selectFrom('blobs').select('name').where('video_uid', '=', uid).execute()).toEqual(
      [],
    )
  })
})

test('a file sent with a form becomes a track, wherever its label stands', async () => {
  const uid = await newVideo()
  const first = await call('POST', `${uid}/audio`, form({ label: 'before', file: new Blob(['x']) }))
  const last = await call('POST', `${uid}/audio`, form({ file: new Blob(['x']), label: 'after' }))
  expect(first.result).toMatchObject({ label: 'before', default: false, status: 'queued' })
  expect(last.result).toMatchObject({ label: 'after', default: false, status: 'queued' })
  const blobs = () => server.db.selectFrom('blobs').select('name').where('video_uid', '=', uid).execute()
  expect(await blobs()).toHaveLength(2)
  await call('DELETE', `${uid}/audio/${first.result.uid}`)
  expect(await blobs()).toEqual([{ name: `audio-sources/${uid}/${last.result.uid}` }])
})

test('one track at most is the default, and only one that is ready', async () => {
  const uid = await newVideo()
  const [first, second] = [await readyTrack(uid, 'first'), await readyTrack(uid, 'second')]
  const waiting = (await copy(uid, { label: 'waiting', url: URL_OF_SOUND })).result.uid
  const edit = (track: string, isDefault: boolean) =>
    call('PATCH', `${uid}/audio/${track}`, { default: isDefault })
  const defaults = async () => (await list(uid)).filter((track) => track.default).map(({ label }) => label)
  await edit(first, true)
  expect(await defaults()).toEqual(['first'])
  await edit(second, true)
  expect(await defaults()).toEqual(['second'])
  // It is not the default, so this says nothing new.
  await edit(first, false)
  expect(await defaults()).toEqual(['second'])
  expect((await edit(waiting, true)).errors[0]?.code).toBe(10007)
  const failure = {
    code: 'sound_missing',
    stage: 'index',
    detail: 'The file has no sound.',
    decoder: ['no audio'],
  }
  await setStatus(waiting, { status: 'error', error: failure.detail, failure: JSON.stringify(failure) })
  expect((await edit(waiting, true)).errors[0]?.code).toBe(10007)
  expect((await list(uid))[2]).toMatchObject({
    status: 'error',
    errorReasonText: failure.detail,
    failure: {
      code: 'sound_missing',
      stage: 'index',
      found: failure.detail,
      advice: 'Choose a file with sound.',
      decoder: ['no audio'],
    },
  })
  await edit(second, false)
  expect(await defaults()).toEqual([])
})

test('reading takes a token that may read, everything else one that may write', async () => {
  const uid = await newVideo()
  const path = `/client/v4/accounts/${server.accountId}/stream/${uid}/audio`
  const ask = (method: string, rest = '') =>
    send(server.url, path + rest, {
      method,
      headers: { authorization: `Bearer ${server.readToken}` },
      body: '',
    })
  expect((await ask('GET')).status).toBe(200)
  for (const [method, rest] of [
    ['POST', ''],
    ['POST', '/copy'],
    ['PATCH', `/${uid}`],
    ['DELETE', `/${uid}`],
  ] as const) {
    expect((await ask(method, rest)).status).toBe(403)
  }
})

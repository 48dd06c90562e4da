/** Marks given to videos at their creation (spec §3.2, §11): who may name one, what is shown, and how long images live. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sweepLeftovers } from '../../src/core/videos/index.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { makePng } from '../harness/png.ts'

const MARK = makePng(40, 20, () => [255, 0, 0, 128])
const UNKNOWN = 'ea95132c15732412d22c1476fa83f27a'
/** Never asked: nobody runs the job that would download it. */
const FILM = 'https://films.example/a.mp4'

let server: ApiServer
beforeAll(async () => {
  server = await startApi()
})
afterAll(() => server.close())

type Envelope = { result: Record<string, unknown>; errors: { code: number }[] }

async function call(method: string, path: string, body?: FormData | object) {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}` },
    body: body === undefined || body instanceof FormData ? body : JSON.stringify(body),
  })
  return { status: response.status, ...((await response.json()) as Envelope) }
}

async function newMark(): Promise<string> {
  const form = new FormData()
  form.append('file', new Blob([new Uint8Array(MARK)]), 'mark.png')
  form.append('name', 'ours')
  return String((await call('POST', '/watermarks', form)).result.uid)
}

const profileOf = async (uid: string) => (await call('GET', `/watermarks/${uid}`)).result
const images = async () => (await Array.fromAsync(server.blobs.list('watermarks/'))).map(({ name }) => name)
const imageOf = (uid: string) => `watermarks/${uid}.png`
/** Of Base64, as `Upload-Metadata` wants it. */
const encoded = (text: string) => Buffer.from(text).toString('base64')

describe('a mark given at the creation of a video', () => {
  const markOf = async (uid: string) => (await call('GET', `/${uid}`)).result.watermark

  test.each([
    ['tus', '', { 'upload-length': '10' }],
    ['tus for an end user', '?direct_user=true', { 'upload-length': '10' }],
  ])('by %s is shown by the video', async (_name, query, headers) => {
    const uid = await newMark()
    const create = (watermark: string) =>
      fetch(`${server.apiUrl}/accounts/${server.accountId}/stream${query}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${server.token}`,
          'tus-resumable': '1.0.0',
          'upload-metadata': `Watermark ${encoded(watermark)}`,
          ...headers,
        },
      })
    const made = await create(uid)
    expect(made.status).toBe(201)
    expect(await markOf(made.headers.get('stream-media-id') ?? '')).toEqual(await profileOf(uid))
    const videos = await countVideos()
    const refused = await create(UNKNOWN)
    expect([refused.status, ((await refused.json()) as Envelope).errors[0]?.code]).toEqual([404, 10003])
    expect(await countVideos()).toBe(videos)
  })

  test('of a copy, in its body or its header, and of a link is shown by the answer and by the video', async () => {
    const uid = await newMark()
    const profile = await profileOf(uid)
    for (const [path, body] of [
      ['/copy', { url: FILM, watermark: { uid } }],
      ['/direct_upload', { maxDurationSeconds: 60, watermark: { uid } }],
    ] as const) {
      const { result } = await call('POST', path, body)
      expect(result.watermark).toEqual(profile)
      expect(await markOf(String(result.uid))).toEqual(profile)
      const videos = await countVideos()
      const refused = await call('POST', path, { ...body, watermark: { uid: UNKNOWN } })
      expect([refused.status, refused.errors[0]?.code]).toEqual([404, 10003])
      expect(await countVideos()).toBe(videos)
    }
    const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/copy`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}`, 'upload-metadata': `watermark ${encoded(uid)}` },
      body: JSON.stringify({ url: FILM }),
    })
    expect(((await response.json()) as Envelope).result.watermark).toEqual(profile)
  })

  test('is not set by a form', async () => {
    const form = new FormData()
    form.append('watermark', await newMark())
    // What an MP4 begins with is enough to be taken.
    form.append('file', new Blob([new Uint8Array(Buffer.from('\0\0\0\x10ftypisom\0\0\0\0'))]), 'film.mp4')
    const { status, result } = await call('POST', '', form)
    expect([status, result.watermark]).toEqual([200, null])
  })

  test('cannot be changed', async () => {
    const uid = await newMark()
    const { result } = await call('POST', '/copy', { url: FILM, watermark: { uid } })
    const edited = await call('POST', `/${String(result.uid)}`, { watermark: null, creator: 'me' })
    expect(edited.result).toMatchObject({ creator: 'me', watermark: { uid } })
  })

  test('outlives its profile, and its image goes with the last that has it', async () => {
    const uid = await newMark()
    const profile = await profileOf(uid)
    const videos: string[] = []
    for (let count = 0; count < 2; count += 1) {
      const { result } = await call('POST', '/direct_upload', { maxDurationSeconds: 9, watermark: { uid } })
      videos.push(String(result.uid))
    }
    const [first = '', second = ''] = videos
    expect((await call('DELETE', `/watermarks/${uid}`)).result).toBe('')
    expect((await call('GET', `/watermarks/${uid}`)).status).toBe(404)
    expect(await markOf(first)).toEqual(profile)
    await call('DELETE', `/${first}`)
    await sweepLeftovers(server, { graceMs: -1 })
    expect(await images()).toContain(imageOf(uid))
    await call('DELETE', `/${second}`)
    expect(await images()).not.toContain(imageOf(uid))
  })

  test('goes, and the image stays as long as the profile; what nobody has is swept', async () => {
    const uid = await newMark()
    const { result } = await call('POST', '/direct_upload', { maxDurationSeconds: 9, watermark: { uid } })
    await call('DELETE', `/${String(result.uid)}`)
    const draft = await server.blobs.createDraft()
    await draft.append([MARK])
    await draft.publish(imageOf(UNKNOWN))
    await sweepLeftovers(server, { graceMs: -1 })
    expect(await images()).toContain(imageOf(uid))
    expect(await images()).not.toContain(imageOf(UNKNOWN))
    await call('DELETE', `/watermarks/${uid}`)
    expect(await images()).not.toContain(imageOf(uid))
  })
})

async function countVideos(): Promise<number> {
  return ((await call('GET', '')).result as unknown as unknown[]).length
}

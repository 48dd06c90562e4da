/** One-time form links of the whole program, with real films, curl, and kills: uploads.md §5, §8. */

import { execFile } from 'node:child_process'
import { truncate, copyFile, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makePng } from '../harness/png.ts'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, waitForVideo } from '../harness/server.ts'
import { expectColour, firstPicture, pixel } from '../media/marked-pictures.ts'
import { fileForm, formLines, movieBytes } from './form-fixture.ts'
import { MIB, RawClient } from './tus-fixture.ts'

type Link = { readonly uid: string; readonly uploadURL: string }

let server: TestServer
let folder = ''
beforeAll(async () => {
  server = await startServer({ env: { HEADWATER_STORAGE_MINUTES: '100' } })
  folder = await mkdtemp(join(tmpdir(), 'headwater-form-link-'))
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

const makeLink = (maxDurationSeconds: number, creator: string) =>
  callApi<Link>(server, '/stream/direct_upload', { method: 'POST', body: { maxDurationSeconds, creator } })

/** The profile of a red sheet that fills what it can of every picture. */
async function redMark(): Promise<string> {
  const form = new FormData()
  form.append('file', new Blob([new Uint8Array(makePng(80, 40, () => [255, 0, 0, 255]))]), 'red.png')
  for (const [name, value] of Object.entries({ scale: '1', opacity: '1', position: 'center' })) {
    form.append(name, value)
  }
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/watermarks`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}` },
    body: form,
  })
  return ((await response.json()) as { result: { uid: string } }).result.uid
}

const minutes = async (creator: string) =>
  (await callApi<{ totalStorageMinutes: number }>(server, `/stream/storage-usage?creator=${creator}`))
    .totalStorageMinutes

/** What curl got: the body, the status, how much of the file it sent, and what it said on the way. */
async function curl(file: string, url: string) {
  const told = ['--silent', '--show-error', '--verbose', '--write-out', '\n%{http_code} %{size_upload}']
  const { stdout, stderr } = await promisify(execFile)('curl', [...told, '--form', `file=@${file}`, url])
  const end = stdout.lastIndexOf('\n')
  const text = stdout.slice(0, end)
  const figures = stdout.slice(end + 1)
  const [status, sentBytes] = figures.split(' ').map(Number)
  return { body: JSON.parse(text), status, sentBytes, stderr }
}

describe('sent by curl', () => {
  test('a film plays, and its true length takes the place of what was reserved', async () => {
    const { uid, uploadURL } = await makeLink(3_600, 'plays')
    expect(await minutes('plays')).toBe(60)
    const file = await sample('noise.mp4')
    const sent = await curl(file, uploadURL)
    expect([sent.status, sent.body.result]).toEqual([200, { uid }])
    expect(sent.stderr).toContain('< HTTP/1.1 100 Continue')
    expect(sent.sentBytes).toBeGreaterThan((await stat(file)).size)
    const video = await waitForVideo(server, uid, 'ready')
    expect(video.duration).toBe(10)
    expect(await minutes('plays')).toBe(10 / 60)
  })

  test('a film is marked where its link has a watermark, and is not where it has none', async () => {
    const watermark = await redMark()
    const colours = []
    for (const more of [{}, { watermark: { uid: watermark } }]) {
      const body = { maxDurationSeconds: 60, ...more }
      const link = await callApi<Link>(server, '/stream/direct_upload', { method: 'POST', body })
      expect((await curl(await sample('noise.mp4'), link.uploadURL)).status).toBe(200)
      await waitForVideo(server, link.uid, 'ready')
      const still = await fetch(`${server.url}/${link.uid}/thumbnails/thumbnail.jpg?time=1s`)
      const file = join(folder, `${link.uid}.jpg`)
      await writeFile(file, Buffer.from(await still.arrayBuffer()))
      const picture = await firstPicture(file)
      colours.push(pixel(picture, picture.width / 2, picture.height / 2))
    }
    const [plain = [], marked = []] = colours
    expectColour(marked, [255, 0, 0])
    expect(() => expectColour(plain, [255, 0, 0])).toThrow('expected 255, 0, 0')
  })

  test('a used link, or a file over 200 MB, is refused before curl sends it', async () => {
    const { uploadURL } = await makeLink(60, 'refused')
    const large = join(folder, 'large.mp4')
    await copyFile(await sample('noise.mp4'), large)
    await truncate(large, 220 * MIB)
    const tooLarge = await curl(large, uploadURL)
    expect([tooLarge.status, tooLarge.body.errors[0].code, tooLarge.sentBytes]).toEqual([413, 10008, 0])
    expect((await curl(await sample('silent.mp4'), uploadURL)).status).toBe(200)
    const used = await curl(await sample('noise.mp4'), uploadURL)
    expect([used.status, used.body.errors[0].code, used.sentBytes]).toEqual([409, 10007, 0])
    expect(used.stderr).toContain('< x-should-retry: false')
  })
})

describe('longer than its link allows', () => {
  test.each(['h264-aac.mp4', 'moov-last.mp4'] as const)('%s is refused at once', async (name) => {
    const { uid, uploadURL } = await makeLink(5, name)
    const { status, body } = await curl(await sample(name), uploadURL)
    expect([status, body.errors[0]]).toEqual([
      400,
      { code: 10005, message: 'Bad Request: The video lasts 10.0 s; this upload allows 5 s.' },
    ])
    const { status: state } = await callApi<{ status: object }>(server, `/stream/${uid}`)
    expect(state).toMatchObject({ state: 'error', errorReasonCode: 'ERR_DURATION_EXCEED_CONSTRAINT' })
    expect(await minutes(name)).toBe(0)
    expect((await curl(await sample('silent.mp4'), uploadURL)).status).toBe(409)
  })

  test.each(['h264.mkv', 'vp9.webm', 'h264.ts', 'fragmented.mp4'] as const)(
    '%s is taken, and fails in processing',
    async (name) => {
      const { uid, uploadURL } = await makeLink(3, name)
      expect((await curl(await sample(name), uploadURL)).status).toBe(200)
      const failed = await waitForVideo(server, uid, 'error')
      expect(failed.status.errorReasonCode).toBe('ERR_DURATION_EXCEED_CONSTRAINT')
      expect(await minutes(name)).toBe(0)
      expect((await curl(await sample('silent.mp4'), uploadURL)).status).toBe(409)
    },
  )
})

test('a kill in the midst of a form loses neither the link nor anything else', async () => {
  await using first = await startServer()
  const body = { maxDurationSeconds: 60 }
  const link = await callApi<Link>(first, '/stream/direct_upload', { method: 'POST', body })
  const form = fileForm(movieBytes(8 * MIB))
  const client = new RawClient(Number(new URL(first.url).port))
  await client.head(...formLines(link.uploadURL, form.length))
  await client.bytes(form.subarray(0, 4 * MIB))
  const drafts = join(first.dataDir, 'drafts')
  await expect.poll(() => readdir(drafts)).toHaveLength(1)
  await first.kill()
  await client.ended()
  await using second = await first.restart()
  const address = link.uploadURL.replace(first.url, second.url)
  expect((await curl(await sample('h264-aac.mp4'), address)).status).toBe(200)
  await waitForVideo(second, link.uid, 'ready')
  expect(await callApi<unknown[]>(second, '/stream')).toHaveLength(1)
  await expect.poll(() => readdir(drafts)).toEqual([])
})

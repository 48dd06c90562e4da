/** Playback of the whole program over files that are damaged or gone: a failure that shows, never a short success. */

import { readFile, rename, truncate, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { readBlobs } from './stored-state.ts'

type Answer = {
  readonly status: number
  readonly cacheControl: string | undefined
  readonly bytes: number
  /** Whether the connection ended before what was announced had come. */
  readonly cut: boolean
}

let server: TestServer
let uid: string
/** What is asked for: everything that is read from the source as it is asked for. */
let downloadBlob: string
let paths: Readonly<Record<'segment' | 'download' | 'source', string>>

beforeAll(async () => {
  server = await startServer()
  uid = (await uploadFile(server, await sample('h264-aac.mp4'))).uid
  await waitForVideo(server, uid, 'ready')
  await callApi(server, `/stream/${uid}/downloads`, { method: 'POST' })
  const state = async () =>
    (await callApi<{ default: { status: string } }>(server, `/stream/${uid}/downloads`)).default.status
  while ((await state()) === 'inprogress') await new Promise((resolve) => setTimeout(resolve, 50))
  const { present } = await readBlobs(server.dataDir)
  downloadBlob = Object.keys(present).find((name) => name.startsWith('downloads/')) ?? ''
  const master = await (await fetch(`${server.url}/${uid}/manifest/video.m3u8`)).text()
  // The best one is cut from the source as it is asked for.
  const rendition = [...master.matchAll(/^(\S+)\.m3u8$/gm)].at(-1)?.[1] ?? ''
  const { token } = await callApi<{ token: string }>(server, `/stream/${uid}/token`, {
    method: 'POST',
    body: { downloadable: true, flags: { original: true } },
  })
  paths = {
    segment: `/${uid}/${rendition}/1.m4s`,
    download: `/${uid}/downloads/default.mp4`,
    source: `/${token}/downloads/default.mp4`,
  }
})

afterAll(async () => {
  await server.stop()
})

function get(path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(server.url + path, { agent: false }, (answer) => {
      let bytes = 0
      answer.on('data', (part: Buffer) => (bytes += part.length))
      const done = () =>
        resolve({
          status: answer.statusCode ?? 0,
          cacheControl: answer.headers['cache-control'],
          bytes,
          cut: !answer.complete,
        })
      answer.on('end', done).on('error', done)
    })
    asked.on('error', reject).end()
  })
}

/** The file that a path is read from. */
const fileOf = (name: keyof typeof paths): string =>
  join(server.dataDir, 'blobs', name === 'download' ? downloadBlob : `sources/${uid}`)

describe('a file that is', () => {
  test.each(['segment', 'download', 'source'] as const)('whole: %s is sent whole', async (name) => {
    const answer = await get(paths[name])
    expect(answer).toMatchObject({ status: 200, cut: false })
    expect(answer.bytes).toBeGreaterThan(10_000)
  })

  test.each(['segment', 'download', 'source'] as const)(
    'empty: %s is a failure of ours that nobody keeps',
    async (name) => {
      await using _restored = await cut(fileOf(name), 0)
      expectFailureOfOurs(await get(paths[name]))
    },
  )

  test.each(['download', 'source'] as const)(
    'short by its last byte: %s is cut off, so that it cannot pass for whole',
    async (name) => {
      await using _restored = await cut(fileOf(name), -1)
      const answer = await get(paths[name])
      expect(answer.cut || answer.status >= 500).toBe(true)
    },
  )

  test('gone: whatever is read from it is a failure of ours that nobody keeps', async () => {
    const files = [fileOf('source'), fileOf('download')]
    // A running server has them open still, and goes on.
    // Out of the folder of blobs, where what nobody knows is thrown away.
    const aside = (file: string) => `${server.dataDir}-${basename(file)}`
    for (const file of files) await rename(file, aside(file))
    for (const path of Object.values(paths)) expect((await get(path)).status).toBe(200)
    server = await server.restart()
    for (const path of Object.values(paths)) expectFailureOfOurs(await get(path))
    for (const file of files) await rename(aside(file), file)
    for (const path of Object.values(paths))
      expect(await get(path)).toMatchObject({ status: 200, cut: false })
  })
})

function expectFailureOfOurs(answer: Answer): void {
  expect(answer.status).toBeGreaterThanOrEqual(500)
  expect(answer.cacheControl).toBe('no-store')
}

/** Leaves the first `length` bytes of a file (all but so many where negative); disposing brings the rest back. */
async function cut(file: string, length: number): Promise<AsyncDisposable> {
  const bytes = await readFile(file)
  await truncate(file, length < 0 ? bytes.length + length : length)
  return {
    // In place: the server has the file open.
    [Symbol.asyncDispose]: () => writeFile(file, bytes, { flag: 'r+' }),
  }
}

/** Storyboards of real videos: every picture is the one of its instant, for whoever may watch, until the video goes. */

import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'

/** Pictures a second. */
const RATE = 5
/** Steps of luma from the first to the last picture. */
const STEPS = 200

let server: TestServer
let folder: string

beforeAll(async () => {
  server = await startServer()
  folder = await mkdtemp(join(tmpdir(), 'storyboard-'))
})

afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Uploads a video that gets brighter all the time, so that a picture says when it was. Answers its address. */
async function upload(seconds: number): Promise<{ uid: string; address: string }> {
  const file = join(folder, `${seconds}.mp4`)
  const args = `-v error -f lavfi -i color=black:s=160x90:r=${RATE}:d=${seconds} -vf LUMA
    -c:v libx264 -preset ultrafast -g ${4 * RATE} -pix_fmt yuv420p`
  const luma = `geq=lum='16+${STEPS}*T/${seconds}':cb=128:cr=128`
  const words = args.split(/\s+/).map((word) => (word === 'LUMA' ? luma : word))
  await promisify(execFile)('ffmpeg', [...words, file])
  const { uid } = await uploadFile(server, file)
  await waitForVideo(server, uid, 'complete')
  return { uid, address: `${server.url}/${uid}/headwater/storyboard` }
}

/** Start and end of each picture, and the second that it shows. */
async function readStoryboard(address: string, seconds: number) {
  const [text, response] = [await (await fetch(`${address}.vtt`)).text(), await fetch(`${address}.jpg`)]
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/jpeg'])
  const sheet = Buffer.from(await response.arrayBuffer())
  const pattern = /^(\S+) --> (\S+)\nstoryboard\.jpg#xywh=(\d+),(\d+),(\d+),(\d+)$/gm
  return Promise.all(
    [...text.matchAll(pattern)].map(async ([, start, end, ...place]) => {
      const [left = 0, top = 0, width = 0, height = 0] = place.map(Number)
      const grey = await sharp(sheet).extract({ left, top, width, height }).greyscale().raw().toBuffer()
      // JPEG has luma from 0 to 255, the video from 16 to 235.
      const luma = ((grey[grey.length / 2] ?? 0) * 219) / 255
      return { start, end, size: `${width}x${height}`, shownSeconds: (luma / STEPS) * seconds }
    }),
  )
}

test('a short video has exactly the picture of each second, and the rules of the video', async () => {
  const { uid, address } = await upload(12)
  const pictures = await readStoryboard(address, 12)
  expect(pictures).toHaveLength(12)
  expect(pictures[11]).toMatchObject({ start: '00:00:11.000', end: '00:00:12.000', size: '192x108' })
  for (const [second, { shownSeconds }] of pictures.entries()) {
    expect(Math.abs(shownSeconds - second), `${shownSeconds} for ${second}`).toBeLessThan(0.5 / RATE)
  }

  const { headers } = await fetch(`${address}.vtt`)
  expect(Object.fromEntries(headers)).toMatchObject({
    'content-type': 'text/vtt; charset=utf-8',
    'cache-control': 'public, max-age=60',
    'access-control-allow-origin': '*',
  })
  await callApi(server, `/stream/${uid}`, { method: 'POST', body: { requireSignedURLs: true } })
  const { token } = await callApi<{ token: string }>(server, `/stream/${uid}/token`, { method: 'POST' })
  for (const name of ['vtt', 'jpg']) {
    expect((await fetch(`${address}.${name}`)).status).toBe(401)
    expect((await fetch(`${address.replace(uid, '0'.repeat(32))}.${name}`)).status).toBe(404)
    const signed = await fetch(`${address.replace(uid, token)}.${name}`)
    expect([signed.status, signed.headers.get('cache-control')]).toEqual([200, 'private, max-age=60'])
  }
})

test('a long video has a hundred pictures, made once for many who ask, and gone with it', async () => {
  const { uid, address } = await upload(400)
  const sheets = await Promise.all(
    Array.from({ length: 4 }, async () => Buffer.from(await (await fetch(`${address}.jpg`)).arrayBuffer())),
  )
  expect(sheets.every((sheet) => sheet.equals(sheets[0] ?? Buffer.of()))).toBe(true)
  const pictures = await readStoryboard(address, 400)
  expect(pictures).toHaveLength(100)
  for (const [index, { shownSeconds }] of pictures.entries()) {
    // A step of luma is two seconds, a segment four.
    expect(shownSeconds, `picture ${index}`).toBeGreaterThan(index * 4 - 6)
    expect(shownSeconds, `picture ${index}`).toBeLessThan(index * 4 + 3)
  }
  const blobs = async () =>
    (await readdir(server.dataDir, { recursive: true })).filter((path) => path.includes(uid))
  expect((await blobs()).filter((path) => path.includes('storyboard-'))).toHaveLength(1)
  await callApi(server, `/stream/${uid}`, { method: 'DELETE' })
  expect((await fetch(`${address}.jpg`)).status).toBe(404)
  await expect.poll(async () => (await blobs()).filter((path) => path.includes('storyboard-'))).toEqual([])
})

/**
 * `headwater scrub` as an operator runs it: beside a server, and on the folder of a stopped one. Every kind of file is
 * damaged in one way or another; afterwards the video plays as it did, frame by frame, as ffmpeg sees it over HTTP.
 */

import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PresentedScrub } from '../../src/http/api/scrub.ts'
import { makePng } from '../harness/png.ts'
import { customSample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { decodeFrames } from '../media/decode.ts'
import { startProgram } from './program.ts'

let server: TestServer
let uid: string
let whole: unknown

beforeAll(async () => {
  server = await startServer({ keep: true, env: { HEADWATER_FORCE_LADDER: 'true' } })
  const source = await customSample(
    'scrub.mp4',
    '-f lavfi -i testsrc2=s=160x90:r=25:d=10 -f lavfi -i sine=duration=10 -c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a libopus'.split(
      ' ',
    ),
  )
  uid = (await uploadFile(server, source)).uid
  await waitForVideo(server, uid, 'complete')
  const forms = [
    [`/stream/${uid}/captions/en`, 'PUT', 'WEBVTT\n\n00:00.000 --> 00:05.000\nHello\n'],
    ['/stream/watermarks', 'POST', makePng(8, 8, () => [255, 0, 0, 128])],
  ] as const
  for (const [path, method, content] of forms) {
    const body = new FormData()
    body.append('file', new Blob([Uint8Array.from(Buffer.from(content))]), 'file')
    const headers = { authorization: `Bearer ${server.token}` }
    const sent = await fetch(`${server.apiUrl}/accounts/${server.accountId}${path}`, {
      method,
      headers,
      body,
    })
    expect(sent.status).toBe(200)
  }
  await callApi(server, `/stream/${uid}/downloads`, { method: 'POST' })
  await expectDownload()
  await expectPictures()
  whole = await play()
})
afterAll(async () => {
  await server.stop()
  await rm(server.dataDir, { recursive: true, force: true })
})

/** Every frame of every quality and sound, as an independent player decodes it. */
async function play(): Promise<unknown> {
  return await decodeFrames(`${server.url}/${uid}/manifest/video.m3u8`)
}

/** Waits for it; only that it comes counts. */
async function expectDownload(): Promise<void> {
  while ((await fetch(`${server.url}/${uid}/downloads/default.mp4`)).status !== 200) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function expectPictures(): Promise<void> {
  for (const path of ['thumbnails/thumbnail.jpg?time=3s', 'headwater/storyboard.jpg']) {
    const answer = await fetch(`${server.url}/${uid}/${path}`)
    expect([answer.status, (await answer.arrayBuffer()).byteLength > 500]).toEqual([200, true])
  }
}

/** Runs the command; `beside`: on the running server. */
async function scrub(where: 'beside' | 'alone', ...options: string[]) {
  const program = start(where, ...options)
  const { code } = await program.exited
  return { code, stdout: program.stdout(), stderr: program.stderr() }
}

function start(where: 'beside' | 'alone', ...options: string[]) {
  const address = where === 'beside' ? ['--server', server.url, '--token', server.token] : []
  return startProgram(['scrub', ...address, ...options], {
    HEADWATER_DATA_DIR: server.dataDir,
    HEADWATER_ACCOUNT_ID: server.accountId,
    HEADWATER_API_TOKEN: server.token,
    // Nobody listens there.
    HEADWATER_PORT: '1',
  })
}

async function report(where: 'beside' | 'alone', ...options: string[]) {
  const { code, stdout, stderr } = await scrub(where, '--json', ...options)
  expect(stdout, stderr).not.toBe('')
  return { code, stderr, ...(JSON.parse(stdout) as PresentedScrub) }
}

const pathOf = (file: string): string => join(server.dataDir, file)

/** Recorded blobs whose names begin so, as files of the data folder, largest first. */
function filesOf(prefix: string): string[] {
  const database = new DatabaseSync(join(server.dataDir, 'headwater.db'), { readOnly: true })
  try {
    const rows = database
      .prepare(
        `select name, size_bytes from blobs
         union select image_blob, 0 from watermarks order by size_bytes desc`,
      )
      .all()
    return rows
      .map(({ name }) => `blobs/${String(name)}`)
      .filter((name) => name.startsWith(`blobs/${prefix}`))
  } finally {
    database.close()
  }
}

/** Of the renditions: headers, and chunks. */
const headers = () => filesOf(`tracks/${uid}/`).filter((file) => file.endsWith('/init.mp4'))
const chunks = () => filesOf(`tracks/${uid}/`).filter((file) => !file.endsWith('/init.mp4'))

/** Turns one bit in place, as a disk does it; answers what was there before. */
async function flip(file: string): Promise<Buffer> {
  const bytes = await readFile(pathOf(file))
  const damaged = Buffer.from(bytes)
  const at = bytes.length >> 1
  damaged[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(pathOf(file), damaged, { flag: 'r+' })
  return bytes
}

/** Addresses of all segments that manifests name now. */
async function segmentUrls(): Promise<string[]> {
  const master = `${server.url}/${uid}/manifest/video.m3u8`
  const urls: string[] = []
  for (const [, quoted, plain] of (await (await fetch(master)).text()).matchAll(
    /URI="([^"]+\.m3u8)"|^(\S+\.m3u8)$/gm,
  )) {
    const playlist = new URL(quoted ?? plain ?? '', master).href
    const text = await (await fetch(playlist)).text()
    for (const [segment] of text.matchAll(/^\S+\.m4s$/gm)) urls.push(new URL(segment, playlist).href)
  }
  return urls
}

describe('beside a running server', () => {
  test('nothing is wrong, and nothing is said but that', async () => {
    const { code, stdout } = await scrub('beside')
    expect(stdout).toMatch(/^Read \d+ files, .* [kM]?B\.\nEverything is as it was stored\.\n$/)
    expect(code).toBe(0)
  })

  test('flipped bits of all that can be made again: told, then repaired, and everything plays as before', async () => {
    const before = await segmentUrls()
    expect(before.length).toBeGreaterThan(5)
    const victims = [
      ...chunks().slice(0, 2),
      headers()[0] ?? '',
      ...filesOf(`indexes/${uid}`),
      ...filesOf(`downloads/${uid}`),
      ...filesOf(`images/${uid}`),
    ]
    expect(victims.length).toBeGreaterThanOrEqual(7)
    for (const file of victims) await flip(file)

    const told = await report('beside')
    expect(told).toMatchObject({ code: 3, state: 'done', repair: false, repaired: 0, lost: 0 })
    expect(told.findings.map(({ file }) => file).toSorted()).toEqual(victims.toSorted())
    for (const { outcome, problem, means } of told.findings) {
      expect([outcome, problem, means.length > 20]).toEqual(['repairable', 'content', true])
    }
    expect(told.stderr).toContain('repairable')
    expect((await scrub('beside')).stdout).toContain(`headwater scrub --repair`)

    const repaired = await report('beside', '--repair')
    expect(repaired).toMatchObject({ code: 0, lost: 0 })
    expect(repaired.repaired).toBe(repaired.damaged)
    // At once, while it is encoded again: who asks waits for good bytes. (The decoder would complain of others.)
    expect(await play()).not.toEqual([])
    await waitForVideo(server, uid, 'complete')
    expect(await play()).toEqual(whole)
    await expectDownload()
    await expectPictures()
    expect(await report('beside')).toMatchObject({ code: 0, damaged: 0, strays: 0 })
    // Another address for what was damaged; and players that were at work go on with the former one.
    const after = await segmentUrls()
    expect(after.filter((url) => before.includes(url)).length).toBeLessThan(after.length)
    const statuses = await Promise.all(before.map(async (url) => (await fetch(url)).status))
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(0)
  })

  test('what cannot be made again is told with what that means, and left as it is', async () => {
    const victims = [...filesOf(`sources/${uid}`), ...filesOf(`captions/${uid}`), ...filesOf('watermarks/')]
    expect(victims).toHaveLength(3)
    const kept = await Promise.all(victims.map((file) => flip(file)))
    const { code, findings, lost, repaired } = await report('beside', '--repair')
    expect({ code, lost, repaired }).toEqual({ code: 3, lost: 3, repaired: 0 })
    expect(findings.map(({ kind, outcome, means }) => [kind, outcome, means])).toEqual([
      ['source', 'lost', expect.stringMatching(/original quality.*backup.*upload the video again/)],
      ['watermark', 'lost', expect.stringMatching(/keeps its mark/)],
      ['caption', 'lost', expect.stringMatching(/language en .*Upload them again/)],
    ])
    for (const [index, file] of victims.entries()) await writeFile(pathOf(file), kept[index] ?? '')
    expect(await report('beside', '--repair')).toMatchObject({ code: 0, damaged: 0 })
  })

  test('can be interrupted, one runs at a time, and only the operator may ask', async () => {
    const program = start('beside', '--rate', '0.1')
    const look = async (method: string, token = server.token) =>
      await fetch(`${server.apiUrl}/headwater/scrub`, {
        method,
        headers: { authorization: `Bearer ${token}` },
        ...(method === 'POST' && { body: '{}' }),
      })
    const state = async () => ((await (await look('GET')).json()) as { result: PresentedScrub }).result.state
    await expect.poll(state).toBe('running')
    expect((await look('POST')).status).toBe(409)
    expect((await scrub('beside')).stderr).toContain('A scrub is running already')
    const other = await callApi<{ token: string }>(server, '/headwater/tokens', {
      method: 'POST',
      body: { name: 'not the operator' },
    })
    for (const method of ['GET', 'POST', 'DELETE']) expect((await look(method, other.token)).status).toBe(403)
    expect(await state()).toBe('running')
    await expect.poll(() => program.stderr()).toContain('Scrubbing')
    program.signal('SIGINT')
    expect((await program.exited).code).toBe(130)
    expect(program.stdout()).toContain('stopped before its end')
    expect(await state()).toBe('stopped')
  })
})

describe('on the folder of a stopped server', () => {
  beforeAll(async () => {
    await server.stop()
  })

  test('lost and cut files are made again at the next start; strays go, and what is not ours stays', async () => {
    const [first = '', second = ''] = chunks()
    const victims = [first, second, ...filesOf(`indexes/${uid}`), ...filesOf(`downloads/${uid}`)]
    await rm(pathOf(first))
    await truncate(pathOf(second), 1_000)
    for (const file of victims.slice(2)) await rm(pathOf(file))
    const strays = [`blobs/sources/${'f'.repeat(32)}`, `blobs/tracks/${uid}/x/0-abc.mp4`, 'drafts/abc']
    const foreign = 'blobs/sources/my holiday.mp4'
    for (const file of [...strays, foreign]) {
      await mkdir(dirname(pathOf(file)), { recursive: true })
      await writeFile(pathOf(file), 'x')
    }

    const told = await report('alone')
    expect(told).toMatchObject({ code: 3, state: 'done', damaged: victims.length, strays: 4, strayBytes: 4 })
    expect(told.findings.map(({ file }) => file).toSorted()).toEqual(
      [...victims, ...strays, foreign].toSorted(),
    )
    expect(told.findings.find(({ file }) => file === second)?.found).toMatch(/^It has 1000 of \d+ bytes\.$/)

    const repaired = await report('alone', '--repair')
    expect(repaired).toMatchObject({ code: 0, lost: 0, strays: 4 })
    expect(repaired.repaired).toBe(repaired.damaged)
    const removed = repaired.findings.filter(({ outcome }) => outcome === 'removed').map(({ file }) => file)
    expect(removed.toSorted()).toEqual(strays.toSorted())
    expect(await readFile(pathOf(foreign), 'utf8')).toBe('x')
    await rm(pathOf(foreign))

    server = await server.restart()
    await waitForVideo(server, uid, 'complete')
    expect(await play()).toEqual(whole)
    await expectDownload()
    expect(await report('beside')).toMatchObject({ code: 0, damaged: 0, strays: 0 })
  })

  test('a wrong word or rate is told before anything is opened', async () => {
    expect((await scrub('alone', '--rate', 'fast')).stderr).toContain('expected megabytes per second')
    expect(await scrub('alone', '--everything')).toMatchObject({ code: 2 })
  })
})

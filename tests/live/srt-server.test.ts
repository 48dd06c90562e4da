/** The whole program: an input of the API is published to by SRT as ffmpeg's line in the README says, watched, and played. */

import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness/server.ts'
import { createSrt } from '../../src/adapters/srt/index.ts'
import { silentLog } from '../../src/lib/log.ts'
import { endPublisher, publishForever } from './endless-publisher.ts'
import { decodedFrames, ffmpeg, makeFilm, publishFilm } from './rtmp-programs.ts'
import { offer } from './sdp-samples.ts'

let server: TestServer
let folder: string
let film: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-srt-'))
  film = await makeFilm(join(folder, 'film.mp4'))
  server = await startServer({ env: { HEADWATER_SRT_PORT: '0', HEADWATER_STORAGE_MINUTES: '60' } })
})
afterAll(async () => {
  expect(await server.stop()).toBe(0)
  await rm(folder, { recursive: true })
})

type Way = { url: string; streamId: string; passphrase: string }
type Input = {
  rtmp: { url: string; streamKey: string }
  webRTC: { url: string }
} & { uid: string; srt: Way; srtPlayback: Way; status: { current: Record<string, string> } | null }

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  expect(response.ok).toBe(true)
  const { result } = (await response.json()) as { result: T }
  return result
}

const addressOf = ({ url, streamId, passphrase }: Way): string =>
  `${url}?streamid=${streamId}&passphrase=${passphrase}`

test('published by SRT, a broadcast is watched, played by SRT, and becomes a video', async () => {
  const recording = { mode: 'automatic', timeoutSeconds: 1 }
  const input = await call<Input>('POST', '/live_inputs', { meta: { name: 'studio' }, recording })
  const publisher = publishForever(film, addressOf(input.srt))
  try {
    const manifest = `${server.url}/${input.uid}/manifest/video.m3u8`
    await expect.poll(async () => (await fetch(manifest)).status).toBe(200)
    const { status } = await call<Input>('GET', `/live_inputs/${input.uid}`)
    expect(status?.current).toMatchObject({ state: 'connected', reason: 'connected', ingestProtocol: 'srt' })

    const shown = await decodedFrames('v', '-i', addressOf(input.srtPlayback), '-frames:v', '40')
    const frames = await decodedFrames('v', '-i', film)
    const begin = frames.indexOf(shown[0] ?? '')
    expect(shown).toEqual([...frames, ...frames].slice(begin, begin + 40))
  } finally {
    await endPublisher(publisher)
  }
  const videos = () => call<{ status: { state: string } }[]>('GET', `/live_inputs/${input.uid}/videos`)
  await expect.poll(async () => (await videos()).map((video) => video.status.state)).toEqual(['ready'])
  const after = await call<Input>('GET', `/live_inputs/${input.uid}`)
  expect(after.status?.current).toMatchObject({ state: 'disconnected' })
})

test('the start says where to publish', () => {
  const host = '127.0.0.1'
  expect(server.output()).toMatch(
    new RegExp(`publish by RTMP +rtmp://${host}:\\d+/live/ +rtmps://${host}:\\d+/live/`),
  )
  expect(server.output()).toMatch(new RegExp(`publish by SRT +srt://${host}:\\d+\\n`))
  expect(server.output()).toMatch(/WebRTC +UDP port \d+/)
})

test('without the library of SRT there is no address of it, and the start and the doctor say why', async () => {
  // What the dynamic linker finds first cannot be loaded.
  const broken = await mkdtemp(join(folder, 'broken-'))
  for (const kind of ['-gnutls', '-openssl', ''])
    await writeFile(join(broken, `libsrt${kind}.so.1.5`), 'no library')
  const env = { LD_LIBRARY_PATH: broken, HEADWATER_SRT_PORT: '0' }
  const without = await server.restart(env)
  try {
    expect(without.output()).toMatch(
      /publish by SRT +off: its library is missing; install the package libsrt1\.5/,
    )
    server = without
    const input = await call<Input>('POST', '/live_inputs', {})
    expect(input).not.toHaveProperty('srt')
    expect(input).not.toHaveProperty('srtPlayback')
    expect(input.rtmp.url).toMatch(/^rtmp:/)

    const program = ['src/main.ts', 'doctor']
    const { stdout } = await promisify(execFile)(process.execPath, program, {
      env: { ...process.env, ...env, HEADWATER_DATA_DIR: folder },
    }).catch((error: { stdout: string }) => error)
    expect(stdout).toMatch(/less +SRT: off: none of .* was found\n +-> .*apt-get install libsrt1\.5/)

    // Where the port is given nobody waits for the library, and it is known a moment later.
    const srt = createSrt({
      log: silentLog,
      environment: { PATH: process.env['PATH'] ?? '', LD_LIBRARY_PATH: broken },
    })
    const door = { findSrt: async () => undefined, publish: refused, play: refused }
    const listening = await srt.listen(door, { host: '127.0.0.1', port: await freeUdpPort() })
    await expect.poll(() => listening.ports).toEqual({})
    expect(listening.off).toEqual({ srt: expect.stringContaining('install the package libsrt1.5') })
    await srt.stop()
  } finally {
    server = await without.restart({ LD_LIBRARY_PATH: '' })
  }
})

const refused = () => Promise.reject(new Error('nobody comes in'))

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}

test('a key that was rotated cuts its publisher, and opens nothing any more', async () => {
  const input = await call<Input>('POST', '/live_inputs', { recording: { mode: 'off' } })
  const publisher = publishForever(film, addressOf(input.srt))
  try {
    const ended = once(publisher, 'exit')
    await expect
      .poll(async () => (await call<Input>('GET', `/live_inputs/${input.uid}`)).status?.current?.['state'])
      .toBe('connected')
    await call('POST', `/live_inputs/${input.uid}/rotate_keys`)
    expect(await ended).not.toContain(0)
  } finally {
    await endPublisher(publisher)
  }
  const again = ffmpeg('-re', '-i', film, '-c', 'copy', '-f', 'mpegts', addressOf(input.srt))
  await expect(again).rejects.toThrow(/Input\/output error/)
  const { status } = await call<Input>('GET', `/live_inputs/${input.uid}`)
  expect(status?.current?.['state']).toBe('disconnected')
})

/** As another server that sends its broadcast here. */
async function shakeHands({ url, streamId, passphrase }: Way): Promise<void> {
  const caller = createSrt({ log: silentLog, environment: {} })
  try {
    const connection = await caller.sender.connect({
      url: `${url}?passphrase=${passphrase}`,
      streamKey: streamId,
      address: '127.0.0.1',
      signal: AbortSignal.timeout(20_000),
      onLost: () => undefined,
    })
    await connection.close()
  } finally {
    await caller.stop()
  }
}

test('a disabled input says so in the handshake, to who publishes and to who plays, until it is enabled', async () => {
  const input = await call<Input>('POST', '/live_inputs', { recording: { mode: 'off' } })
  await call('POST', `/live_inputs/${input.uid}/disable`)
  // SRT_REJX_FORBIDDEN of access_control.h.
  for (const way of [input.srt, input.srtPlayback]) {
    await expect(shakeHands(way)).rejects.toThrow(/it may not be used now \(1403\)/)
  }
  const { status } = await call<Input>('GET', `/live_inputs/${input.uid}`)
  expect(status?.current).toMatchObject({ state: 'disconnected', reason: 'failed_to_connect' })
  await call('POST', `/live_inputs/${input.uid}/enable`)
  // What was answered is remembered for a moment, so that a caller who tries again and again costs nothing.
  await expect.poll(() => shakeHands(input.srt).then(() => 'open', String)).toBe('open')
})

test('a publisher for whose recording there is no room is turned away with the reason, by every protocol', async () => {
  const input = await call<Input>('POST', '/live_inputs', { recording: { mode: 'automatic' } })
  // Promises all the minutes that are left.
  const usage = await call<{ totalStorageMinutes: number }>('GET', '/storage-usage')
  const { uid } = await call<{ uid: string }>('POST', '/direct_upload', {
    maxDurationSeconds: Math.floor(3_600 - usage.totalStorageMinutes * 60),
  })
  const sentence = /60 minutes are in use or reserved.* delete videos or raise the limit/

  const byRtmp = publishFilm(film, `${input.rtmp.url}${input.rtmp.streamKey}`)
  await expect(byRtmp).rejects.toThrow(sentence)

  const byWhip = await fetch(input.webRTC.url, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    body: offer(),
  })
  expect(byWhip.status).toBe(413)
  expect(await byWhip.text()).toMatch(sentence)

  // SRT_REJX_NOROOM of access_control.h.
  await expect(shakeHands(input.srt)).rejects.toThrow(/there is no room for a recording \(1507\)/)

  const { status } = await call<Input>('GET', `/live_inputs/${input.uid}`)
  expect(status?.current).toMatchObject({ state: 'disconnected', reason: 'failed_to_connect' })
  expect(await call('GET', `/live_inputs/${input.uid}/videos`)).toEqual([])

  await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${uid}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${server.token}` },
  })
  await publishFilm(film, `${input.rtmp.url}${input.rtmp.streamKey}`)
})

/** What was published comes back: to ffmpeg as a player of ours, and by our sender at other servers. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Certificate, openCertificate } from '../../src/adapters/rtmp/certificate.ts'
import { createRtmpSender } from '../../src/adapters/rtmp/sender.ts'
import { openRtmpServer } from '../../src/adapters/rtmp/server.ts'
import { isFailure } from '../../src/lib/failure.ts'
import { silentLog } from '../../src/lib/log.ts'
import type { LiveSender, LiveServer } from '../../src/live-ports.ts'
import { decodedFrames, ffmpeg, makeFilm, publishFilm } from './rtmp-programs.ts'
import { PLAY_KEY, PUBLISH_KEY, type Published, replay, TestDoor } from './test-door.ts'

const door = new TestDoor()
let folder = ''
let film = ''
let server: LiveServer
let certificate: Certificate
let published: Published
let pictures: readonly string[] = []
let sounds: readonly string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-rtmp-'))
  film = await makeFilm(join(folder, 'film.mp4'))
  certificate = await openCertificate({ dataDir: folder, files: null, nowMs: Date.now() })
  server = await openRtmpServer({
    door,
    log: silentLog,
    host: '127.0.0.1',
    port: 0,
    rtmps: { port: 0, readCertificate: async () => await Promise.resolve(certificate) },
  })
  published = await publishTo(async () => {
    await publishFilm(film, address('rtmp', PUBLISH_KEY))
  })
  pictures = await decodedFrames('v', '-i', film)
  // As FLV tells it: in a file the encoder's first, silent samples are cut off by an edit list.
  sounds = await decodedFrames('a', '-ignore_editlist', '1', '-i', film)
  expect(pictures.length).toBe(75)
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

const address = (scheme: 'rtmp' | 'rtmps', key: string): string =>
  `${scheme}://127.0.0.1:${server.ports[scheme]}/live/${key}`

/** What is published while `doing` runs, whole. */
async function publishTo(doing: () => Promise<void>): Promise<Published> {
  const coming = door.next()
  await doing()
  const found = await coming
  expect((await found.ended).how).toBe('clean')
  return found
}

describe('ffmpeg plays', () => {
  test.each(['rtmp', 'rtmps'] as const)('every picture and sound, over %s', async (scheme) => {
    const copy = join(folder, `${scheme}.mkv`)
    const { feed, tell } = replay(published)
    door.feed = feed
    const playing = ffmpeg('-i', address(scheme, PLAY_KEY), '-c', 'copy', '-y', copy)
    await expect.poll(() => feed.listeners).toBe(1)
    tell()
    await playing
    expect(await decodedFrames('v', '-i', copy)).toEqual(pictures)
    expect(await decodedFrames('a', '-i', copy)).toEqual(sounds)
  })

  test('nothing while nobody publishes', async () => {
    door.feed = undefined
    await expect(ffmpeg('-i', address('rtmp', PLAY_KEY), '-f', 'null', '-')).rejects.toMatchObject({
      stderr: expect.stringContaining('Nobody publishes to this input.'),
    })
  })

  test('nothing with the key for publishing', async () => {
    await expect(ffmpeg('-i', address('rtmp', PUBLISH_KEY), '-f', 'null', '-')).rejects.toMatchObject({
      stderr: expect.stringContaining('There is no live input with this key.'),
    })
  })
})

type Sending = Awaited<ReturnType<LiveSender['connect']>>
type Target = Parameters<LiveSender['connect']>[0]

const never = (error: Error): void => {
  throw error
}

async function open(sender: LiveSender, target: Partial<Target>): Promise<Sending> {
  return await sender.connect({
    url: `rtmp://127.0.0.1:${server.ports['rtmp']}/live`,
    streamKey: PUBLISH_KEY,
    address: '127.0.0.1',
    signal: new AbortController().signal,
    onLost: never,
    ...target,
  })
}

function sendAll(sending: Sending): void {
  for (const format of published.formats) sending.format(format)
  for (const unit of published.units) sending.unit(unit)
}

describe('our sender publishes', () => {
  test.each([
    ['RTMP', () => ({})],
    [
      'RTMPS, to a name its certificate is for',
      () => ({ url: `rtmps://localhost:${server.ports['rtmps']}/live/` }),
    ],
  ])('to our own server by %s: the very same units', async (_, target) => {
    const sender = createRtmpSender({ ca: certificate.certificate })
    const arrived = await publishTo(async () => {
      const sending = await open(sender, target())
      sendAll(sending)
      await sending.close()
    })
    expect(arrived.formats).toEqual(published.formats)
    expect(arrived.units.map(({ data, ...rest }) => ({ ...rest, bytes: data.byteLength }))).toEqual(
      published.units.map(({ data, ...rest }) => ({ ...rest, bytes: data.byteLength })),
    )
    const isSame = arrived.units.every(
      ({ data }, index) => Buffer.compare(data, published.units[index]?.data ?? new Uint8Array()) === 0,
    )
    expect(isSame).toBe(true)
  })

  test('to the listener of ffmpeg', async () => {
    const port = await freePort()
    const copy = join(folder, 'received.mkv')
    const listener = spawn(
      'ffmpeg',
      `-v error -nostdin -listen 1 -i rtmp://127.0.0.1:${port}/app/key -c copy -y ${copy}`.split(' '),
    )
    const ended = once(listener, 'exit')
    const sending = await openListening(listener, `rtmp://127.0.0.1:${port}/app`)
    sendAll(sending)
    await sending.close()
    await ended
    expect(await decodedFrames('v', '-i', copy)).toEqual(pictures)
    expect(await decodedFrames('a', '-i', copy)).toEqual(sounds)
  })

  test.each([
    [
      'a wrong key',
      () => ({ streamKey: 'wrong' }),
      /refused the stream \(NetStream\.Publish\.Denied: There is no live input with this key\.\)/,
    ],
    [
      'a certificate that nobody vouches for',
      () => ({ url: `rtmps://localhost:${server.ports['rtmps']}/live` }),
      /certificate that nobody vouches for/,
    ],
    [
      'a port of another protocol',
      () => ({ url: `rtmp://127.0.0.1:${server.ports['rtmps']}/live` }),
      /closed the connection|does not speak RTMP/,
    ],
    ['an address that is none', () => ({ url: 'rtmp://' }), /cannot be understood/],
  ])('not with %s, and says so', async (_, target, sentence) => {
    const error = await open(createRtmpSender(), target()).catch((thrown: unknown) => thrown)
    expect(isFailure(error, 'fetch_failed')).toBe(true)
    expect(String(error)).toMatch(sentence)
  })

  test('not to a host that its certificate is not for', async () => {
    const sender = createRtmpSender({ ca: certificate.certificate })
    const url = `rtmps://live.example:${server.ports['rtmps']}/live`
    await expect(open(sender, { url })).rejects.toThrow('has a certificate for another name')
  })

  test('until it is cut off, which it is told of', async () => {
    const lost: Error[] = []
    const coming = door.next()
    await open(createRtmpSender(), { onLost: (error) => lost.push(error) })
    const there = await coming
    there.caller.onCut(new Error('internal words'))
    await expect.poll(() => lost.length).toBe(1)
    expect(lost[0]?.message).toContain('The server could not take the stream.')
  })

  test('not after its signal', async () => {
    const reason = new Error('enough')
    await expect(open(createRtmpSender(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

async function freePort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** ffmpeg does not say when it listens. */
async function openListening(listener: ChildProcess, url: string): Promise<Sending> {
  for (;;) {
    if (listener.exitCode !== null) throw new Error(`ffmpeg ended with ${listener.exitCode}.`)
    try {
      return await open(createRtmpSender(), { url, streamKey: 'key' })
    } catch (error) {
      if (!String(error).includes('refused the connection')) throw error
      await sleep(50)
    }
  }
}

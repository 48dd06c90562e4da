/** Real publishers and players against the SRT server: what was sent arrives whole, strangers do not. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSrt, type Srt } from '../../src/adapters/srt/index.ts'
import { silentLog } from '../../src/lib/log.ts'
import type { LiveServer } from '../../src/live-ports.ts'
import { muxAll } from '../harness/ts-stream.ts'
import { seededRandom } from '../faults/seeded-random.ts'
import { endPublisher, publishForever } from './endless-publisher.ts'
import { decodedFrames, ffmpeg, makeFilm } from './rtmp-programs.ts'
import { SrtDoor, type SrtInput, srtInput } from './srt-door.ts'
import type { Published } from './test-door.ts'
import { layUdpRelay } from './udp-relay.ts'

const door = new SrtDoor()
let folder = ''
let film = ''
let srt: Srt
let server: LiveServer
let port = 0
const started = new Set<ChildProcess>()
/** Of the film of `makeFilm`. */
const FILM_FRAMES = 75
const FILM_SOUNDS = 142

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-srt-'))
  film = await makeFilm(join(folder, 'film.mp4'))
  srt = createSrt({ log: silentLog, environment: {} })
  server = await srt.listen(door, { host: '127.0.0.1', port: 0 })
  port = server.ports['srt'] ?? 0
})
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL')
  const pid = srt.pid ?? 0
  await server.close()
  await srt.stop()
  expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
  await rm(folder, { recursive: true })
})

type Credentials = { readonly streamId: string; readonly passphrase: string }

function address({ streamId, passphrase }: Credentials, options = '', at = port): string {
  return `srt://127.0.0.1:${at}?streamid=${streamId}&passphrase=${passphrase}${options}`
}

/**
 * Sends the film as fast as it is seen, and a second of it again: ffmpeg cuts the connection with its last packet, so that
 * what is on its way by then is lost.
 */
async function sendFilm(url: string, how: readonly string[] = ['-c', 'copy']): Promise<void> {
  await ffmpeg('-re', '-stream_loop', '1', '-i', film, '-t', '4', ...how, '-f', 'mpegts', url)
}

/** Sends without an end, until it is stopped. */
function sendForever(url: string): ChildProcess {
  const child = publishForever(film, url)
  started.add(child)
  return child
}

async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  started.delete(child)
  await endPublisher(child, signal)
}

/** MD5 of every picture of the film that was published, as ffmpeg decodes it. */
async function publishedFrames(published: Published): Promise<string[]> {
  const file = join(folder, `${published.caller.key}.ts`)
  await writeFile(file, muxAll(published.units, published.formats))
  return (await decodedFrames('v', '-i', file)).slice(0, FILM_FRAMES)
}

/** A second of pictures and sound, sent as fast as it is seen. */
async function publishByGstreamer(uri: string, { streamId, passphrase }: Credentials): Promise<void> {
  const pipeline =
    'videotestsrc is-live=true num-buffers=50 ! video/x-raw,width=320,height=180,framerate=25/1 ! openh264enc gop-size=10 ! h264parse config-interval=-1 ! mux. ' +
    'audiotestsrc is-live=true num-buffers=88 ! audio/x-raw,channels=2,rate=44100 ! voaacenc ! aacparse ! mux. ' +
    'mpegtsmux alignment=7 name=mux ! srtsink wait-for-connection=true'
  const access = [`uri=${uri}?mode=caller`, `streamid=${streamId}`, `passphrase=${passphrase}`]
  await promisify(execFile)('gst-launch-1.0', ['-q', ...pipeline.split(' '), ...access])
}

/** Plays without an end; `count`: pictures decoded so far. */
function watchPictures(url: string): { child: ChildProcess; count: () => number } {
  const args = [
    '-v',
    'quiet',
    '-nostdin',
    '-i',
    url,
    ...'-map 0:v -fps_mode passthrough -f framemd5 -'.split(' '),
  ]
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  started.add(child)
  let count = 0
  child.stdout?.on('data', (text: Buffer) => (count += text.toString().split('\n').length - 1))
  return { child, count: () => count }
}

/** Resolves when pictures of the input come. */
async function whenRunning(input: SrtInput): Promise<Published> {
  const published = await door.next(input)
  await expect.poll(() => published.of('video').length).toBeGreaterThan(0)
  return published
}

describe('published', () => {
  const [plain, guideline, lossy] = [srtInput(0), srtInput(1), srtInput(2)]

  test('by three ffmpegs at once, one of them over a line that loses a tenth and takes 200 ms each way, every frame arrives', async () => {
    const weather = { loss: 0.1, delayMs: 200, jitterMs: 10, duplication: 0.01 }
    await using relay = await layUdpRelay(port, { seed: 7, ...weather })
    const inputs = [plain, guideline, lossy]
    const coming = inputs.map((input) => door.next(input))
    const inForm = `#!::r=${guideline.publish.streamId},m=publish,u=somebody`
    await Promise.all([
      sendFilm(address(plain.publish)),
      sendFilm(address({ ...guideline.publish, streamId: encodeURIComponent(inForm) })),
      sendFilm(address(lossy.publish, '&latency=2000000', relay.port)),
    ])
    const frames = await decodedFrames('v', '-i', film)
    for (const [index, published] of (await Promise.all(coming)).entries()) {
      await published.ended
      expect(published.caller).toMatchObject({ protocol: 'srt', key: inputs[index]?.publish.streamId })
      expect(published.formats.toSorted((a, b) => b.kind.localeCompare(a.kind))).toEqual([
        expect.objectContaining({ kind: 'video', codec: 'avc', width: 320, height: 180 }),
        expect.objectContaining({ kind: 'audio', codec: 'aac', sampleRate: 48_000, channels: 2 }),
      ])
      expect(published.of('audio').length).toBeGreaterThan(FILM_SOUNDS)
      expect(await publishedFrames(published)).toEqual(frames)
    }
    expect(await (await coming[0])?.ended).toEqual({ how: 'clean', why: undefined })
    expect(relay.counts.lost).toBeGreaterThan(20)
  })

  test('by GStreamer', async () => {
    const input = srtInput(3)
    const coming = door.next(input)
    await publishByGstreamer(`srt://127.0.0.1:${port}`, input.publish)
    const published = await coming
    await published.ended
    expect(published.of('video').length).toBeGreaterThanOrEqual(25)
    expect(published.of('audio').length).toBeGreaterThan(20)
  })

  test('in a codec that is not taken: the end says which', async () => {
    const input = srtInput(4)
    const coming = door.next(input)
    await sendFilm(address(input.publish), ['-c:v', 'mpeg2video', '-c:a', 'copy']).catch(() => undefined)
    expect(await (await coming).ended).toMatchObject({
      how: 'lost',
      why: { code: 'live_video_codec_unsupported', facts: { videoCodec: 'MPEG-2 video' } },
    })
  })

  test('and lost: a publisher that vanishes is missed', async () => {
    const input = srtInput(5)
    await using relay = await layUdpRelay(port)
    const running = whenRunning(input)
    const child = sendForever(address(input.publish, '', relay.port))
    const published = await running
    relay.setWeather({ loss: 1 })
    expect(await published.ended).toEqual({ how: 'lost', why: undefined })
    await stop(child, 'SIGKILL')
  })
})

describe('played', () => {
  test.each([
    ['at once', 6, undefined],
    ['over a line that loses a tenth and takes 200 ms each way', 15, { seed: 3, loss: 0.1, delayMs: 200 }],
  ])('by ffmpeg %s: the frames of the film, in order, from a sync picture on', async (_, index, weather) => {
    const input = srtInput(index)
    const running = whenRunning(input)
    const child = sendForever(address(input.publish))
    await running
    await using relay = await layUdpRelay(port, weather)
    const from =
      weather === undefined ? address(input.play) : address(input.play, '&latency=2000000', relay.port)
    const shown = await decodedFrames('v', '-i', from, '-frames:v', '60')
    await stop(child)
    const frames = await decodedFrames('v', '-i', film)
    const begin = frames.indexOf(shown[0] ?? '')
    expect(begin % 25).toBe(0)
    const twice = [...frames, ...frames, ...frames]
    expect(shown).toEqual(twice.slice(begin, begin + 60))
    expect(relay.counts.lost > 10).toBe(weather !== undefined)
  })

  test('on a line that is too narrow: others see every frame, and it goes on when there is room', async () => {
    const input = srtInput(14)
    const running = whenRunning(input)
    const child = sendForever(address(input.publish))
    await running
    await using relay = await layUdpRelay(port)
    const slow = watchPictures(address(input.play, '', relay.port))
    await expect.poll(() => slow.count()).toBeGreaterThan(10)
    // A tenth of what is sent.
    relay.setWeather({ rateBps: 40_000 })
    const shown = await decodedFrames('v', '-i', address(input.play), '-frames:v', '90')
    const frames = await decodedFrames('v', '-i', film)
    const begin = frames.indexOf(shown[0] ?? '')
    expect(shown).toEqual(Array.from({ length: 90 }, (_, index) => frames[(begin + index) % FILM_FRAMES]))
    expect(relay.counts.lost).toBeGreaterThan(50)
    const before = slow.count()
    relay.setWeather({})
    // What is late by then is left out by the rule of SRT (its latency), so that the present is soon there.
    await expect.poll(() => slow.count()).toBeGreaterThan(before + 25)
    await stop(slow.child, 'SIGKILL')
    await stop(child)
  })

  test('to its end, which the player is told', async () => {
    const input = srtInput(7)
    const running = whenRunning(input)
    const child = sendForever(address(input.publish))
    await running
    const playing = ffmpeg('-i', address(input.play), '-c', 'copy', '-f', 'null', '-')
    await stop(child)
    await playing.catch(() => undefined)
  })

  test('by another server, as an output', async () => {
    const [from, to] = [srtInput(8), srtInput(9)]
    const running = whenRunning(from)
    const child = sendForever(address(from.publish))
    await running
    const received = whenRunning(to)
    const feed = await door.play({
      protocol: 'srt',
      key: from.play.streamId,
      remote: '',
      onCut: () => undefined,
    })
    const lost = Promise.withResolvers<Error>()
    const output = await srt.sender.connect({
      url: address(to.publish),
      streamKey: to.publish.streamId,
      address: '127.0.0.1',
      signal: AbortSignal.timeout(20_000),
      onLost: lost.resolve,
    })
    const leave = feed.listen(output)
    const published = await received
    await expect.poll(() => published.of('video').length).toBeGreaterThan(10)
    expect(published.formats).toContainEqual(expect.objectContaining({ kind: 'video', width: 320 }))
    published.caller.onCut(new Error('The input was disabled.'))
    expect((await lost.promise).message).toMatch(/closed the connection/)
    leave()
    await output.close()
    await stop(child)
  })
})

describe('turned away', () => {
  const input = srtInput(10)

  test.each<[string, () => string]>([
    ['an unknown stream id', () => address({ streamId: 'nobody', passphrase: 'whatever it is' })],
    ['a wrong passphrase', () => address({ ...input.publish, passphrase: 'whatever it is' })],
    [
      'the passphrase of the other purpose',
      () => address({ ...input.publish, passphrase: input.play.passphrase }),
    ],
    ['no passphrase', () => `srt://127.0.0.1:${port}?streamid=${input.publish.streamId}`],
    ['no stream id', () => `srt://127.0.0.1:${port}?passphrase=${input.publish.passphrase}`],
    [
      'playback that wants to publish',
      () => address({ ...input.play, streamId: `#!::r=${input.play.streamId},m=publish` }),
    ],
  ])('within the handshake: %s', async (_, url) => {
    await expect(ffmpeg('-i', url(), '-t', '1', '-f', 'null', '-')).rejects.toThrow(
      /Connection to srt:.* failed/,
    )
  })

  test('playback of what nobody publishes', async () => {
    await expect(ffmpeg('-i', address(input.play), '-f', 'null', '-')).rejects.toThrow(/error|Invalid data/i)
  })

  test('an output that the other server does not take, with its reason', async () => {
    const target = { url: address(input.publish), address: '127.0.0.1', onLost: () => undefined }
    const { signal } = new AbortController()
    await expect(srt.sender.connect({ ...target, streamKey: 'nobody', signal })).rejects.toMatchObject({
      code: 'fetch_failed',
      message: expect.stringContaining('did not take the connection'),
    })
  })

  test('a disabled input, until it is enabled', async () => {
    const other = srtInput(11)
    door.disabled.add(other.publish.streamId)
    await expect(sendFilm(address(other.publish))).rejects.toThrow(/Input\/output error/)
  })

  test('a second publisher, while the first goes on', async () => {
    const running = whenRunning(input)
    const child = sendForever(address(input.publish))
    const published = await running
    await expect(sendFilm(address(input.publish))).rejects.toThrow(/error/i)
    const count = published.of('video').length
    await expect.poll(() => published.of('video').length).toBeGreaterThan(count + 10)
    await stop(child)
    expect((await published.ended).how).toBe('clean')
  })
})

describe('what strangers and faults do', () => {
  test('a port that somebody else has, with a sentence', async () => {
    const other = createSrt({ log: silentLog, environment: {} })
    const listening = other.listen(door, { host: '127.0.0.1', port })
    await expect(listening).rejects.toMatchObject({ code: 'setting_invalid' })
    await expect(listening).rejects.toThrow(
      /HEADWATER_SRT_PORT.*cannot be listened on.*expected a free UDP port/,
    )
    await other.stop()
  })

  test('garbage on the port keeps nobody out', async () => {
    const input = srtInput(12)
    const random = seededRandom(3)
    const socket = createSocket('udp4')
    const running = whenRunning(input)
    const child = sendForever(address(input.publish))
    const published = await running
    for (let index = 0; index < 2_000; index += 1) {
      const bytes = Uint8Array.from({ length: 16 + Math.floor(random() * 1_400) }, () => random() * 256)
      // Every second one begins as a handshake does.
      if (index % 2 === 0) bytes.set([0x80, 0, 0, 0])
      await new Promise((resolve) => socket.send(bytes, port, '127.0.0.1', resolve))
    }
    socket.close()
    const count = published.of('video').length
    await expect.poll(() => published.of('video').length).toBeGreaterThan(count + 10)
    await stop(child)
    await published.ended
  })

  test('the end of the SRT process ends connections only, and it is started again on its port', async () => {
    const input = srtInput(13)
    const running = whenRunning(input)
    const child = sendForever(address(input.publish))
    const published = await running
    const pid = srt.pid ?? 0
    process.kill(pid, 'SIGKILL')
    expect(await published.ended).toEqual({ how: 'lost', why: undefined })
    await stop(child, 'SIGKILL')
    await expect.poll(() => srt.pid).not.toBe(pid)
    const again = whenRunning(input)
    await expect
      .poll(async () => {
        const next = sendForever(address(input.publish))
        const isIn = await Promise.race([again, once(next, 'exit').then(() => undefined)])
        await stop(next, 'SIGKILL')
        return isIn?.of('video').length
      })
      .toBeGreaterThan(0)
  })
})

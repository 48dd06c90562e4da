/** Who watches by a playback key is sent away with it (live.md §4): the whole program, ffmpeg as publisher and as players. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callApi, startServer, type TestServer } from '../harness/server.ts'

type RtmpWay = { readonly url: string; readonly streamKey: string }
type SrtWay = { readonly url: string; readonly streamId: string; readonly passphrase: string }
type Input = {
  readonly uid: string
  readonly rtmp: RtmpWay
  readonly rtmpPlayback: RtmpWay
  readonly srtPlayback: SrtWay
}

let server: TestServer
const started = new Set<ChildProcess>()

beforeAll(async () => {
  server = await startServer({ env: { HEADWATER_SRT_PORT: '0', HEADWATER_LIVE_LADDER: 'off' } })
})
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL')
  await server.stop()
})

const create = () =>
  callApi<Input>(server, '/stream/live_inputs', {
    method: 'POST',
    body: { recording: { mode: 'off', timeoutSeconds: 600 } },
  })
const change = (input: Input, method: string, word = '') =>
  callApi<unknown>(server, `/stream/live_inputs/${input.uid}${word}`, { method })

function run(args: readonly string[]): ChildProcess {
  const child = spawn('ffmpeg', ['-v', 'error', '-nostdin', ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  started.add(child)
  child.once('exit', () => started.delete(child))
  return child
}

const rtmpAddress = ({ url, streamKey }: RtmpWay) => url + streamKey
const srtAddress = ({ url, streamId, passphrase }: SrtWay) =>
  `${url}?streamid=${streamId}&passphrase=${passphrase}`

function publish({ rtmp }: Input): ChildProcess {
  const film = ['-re', '-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=15', '-f', 'lavfi', '-i', 'sine=r=48000']
  const codecs = '-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 15 -bf 0 -c:a aac -f flv'
  return run([...film, ...codecs.split(' '), rtmpAddress(rtmp)])
}

type Player = { readonly pictures: () => number; readonly hasEnded: () => boolean }

/** Plays without an end of its own. */
function play(address: string): Player {
  const hashes = '-map 0:v -fps_mode passthrough -f framemd5 -flush_packets 1 -'
  const child = run(['-i', address, ...hashes.split(' ')])
  let pictures = 0
  child.stdout?.on('data', (text: Buffer) => {
    pictures += text.toString().split('\n').length - 1
  })
  return { pictures: () => pictures, hasEnded: () => child.exitCode !== null || child.signalCode !== null }
}

const playersOf = ({ rtmpPlayback, srtPlayback }: Input) => [
  play(rtmpAddress(rtmpPlayback)),
  play(srtAddress(srtPlayback)),
]

/** Players to whom somebody publishes. */
async function watched(input: Input): Promise<{ publisher: ChildProcess; players: readonly Player[] }> {
  const publisher = publish(input)
  await expect.poll(() => isConnected(input)).toBe(true)
  return { publisher, players: await playing(input) }
}

/** Tries again until pictures come: the first may not have been published yet. */
async function playing(input: Input): Promise<readonly Player[]> {
  let players = playersOf(input)
  await expect
    .poll(() => {
      if (players.some((player) => player.hasEnded())) players = playersOf(input)
      return players.every((player) => player.pictures() > 10)
    })
    .toBe(true)
  return players
}

async function isConnected({ uid }: Input): Promise<boolean> {
  type Status = { readonly status: { readonly current: { readonly state: string } } | null }
  const { status } = await callApi<Status>(server, `/stream/live_inputs/${uid}`)
  return status?.current.state === 'connected'
}

const haveEnded = (players: readonly Player[]) => players.every((player) => player.hasEnded())

/** Before a player or the server gives up for other reasons. */
const SOON = { timeout: 8_000 }

test.each<[string, (input: Input) => Promise<unknown>]>([
  ['its keys are made anew', (input) => change(input, 'POST', '/rotate_keys')],
  ['the input is disabled', (input) => change(input, 'POST', '/disable')],
  ['the input is deleted', (input) => change(input, 'DELETE')],
])('players by RTMP and SRT end when %s, those of another input go on', async (_, cut) => {
  const [input, other] = [await create(), await create()]
  const [{ players }, beside] = await Promise.all([watched(input), watched(other)])
  await cut(input)
  await expect.poll(() => haveEnded(players), SOON).toBe(true)
  const [before = 0] = beside.players.map((player) => player.pictures())
  await expect.poll(() => beside.players.every((player) => player.pictures() > before + 30)).toBe(true)
  // None of the old ways opens again, whoever publishes now.
  const again = playersOf(input)
  await expect.poll(() => haveEnded(again)).toBe(true)
  expect(again.map((player) => player.pictures())).toEqual([0, 0])
  await change(other, 'DELETE')
  await expect.poll(() => haveEnded(beside.players), SOON).toBe(true)
})

test('players who wait for a publisher to come back end with their keys; the new ones open the new broadcast', async () => {
  const input = await create()
  const { publisher, players } = await watched(input)
  const gone = once(publisher, 'exit')
  publisher.kill('SIGKILL')
  await gone
  await expect.poll(() => isConnected(input)).toBe(false)
  expect(haveEnded(players)).toBe(false)
  const rotated = (await change(input, 'POST', '/rotate_keys')) as Input
  await expect.poll(() => haveEnded(players), SOON).toBe(true)
  const now = await watched(rotated)
  const old = playersOf(input)
  await expect.poll(() => haveEnded(old)).toBe(true)
  expect([haveEnded(now.players), old.map((player) => player.pictures())]).toEqual([false, [0, 0]])
})

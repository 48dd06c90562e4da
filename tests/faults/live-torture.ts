/**
 * Broadcasts on a server that is killed again and again: an encoder publishes, and viewers are told of ever more of it;
 * what they were told is acknowledged, for it was appended to the recording before. After each kill the same video must
 * become ready with all of it but a part, whether its publisher comes back or not, and nothing may be left over.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findLeftovers } from '../fuzz/media-leftovers.ts'
import { callApi } from '../harness/server.ts'
import { CREDENTIALS, environmentOf } from './own-folder.ts'
import { type Program, startProgram } from './program.ts'
import { seededRandom } from './seeded-random.ts'
import { Violation } from './torture/client.ts'

/** How long and where. */
export type LiveTortureOptions = {
  /** Holds the data folder and the state; is made when absent. */
  readonly folder: string
  readonly seed: number
  /** Kills. */
  readonly rounds: number
  readonly say: (line: string) => void
}

/** What happened. */
export type LiveTally = {
  rounds: number
  /** Kills of a broadcast of which viewers had been told something. */
  withPlaylist: number
  /** Publishers who came back inside the window. */
  cameBack: number
  /** Seconds that viewers had been told of and that were then not there, at most; a part is 0.5. */
  mostLostSeconds: number
}

type Server = { readonly url: string; readonly apiUrl: string } & typeof CREDENTIALS
type Input = { readonly uid: string; readonly rtmp: { readonly url: string; readonly streamKey: string } }
type Video = {
  readonly uid: string
  readonly duration: number
  readonly status: { readonly state: string; readonly errorReasonText: string }
}

/** What may be missing of what viewers were told: a part (0.5 s), and the last picture's length, which nobody knew. */
const MOST_LOST_SECONDS = 0.75
/** A broadcast waits so long for its publisher. */
const WINDOW_SECONDS = 6
/** How long anything may take on a busy machine. */
const LONGEST_MS = 120_000

/** Runs the rounds that are still to be done. Throws `Violation`. */
export async function runLiveTorture(options: LiveTortureOptions): Promise<LiveTally> {
  await mkdir(options.folder, { recursive: true })
  const file = join(options.folder, 'tally.json')
  const tally: LiveTally = existsSync(file)
    ? (JSON.parse(await readFile(file, 'utf8')) as LiveTally)
    : { rounds: 0, withPlaylist: 0, cameBack: 0, mostLostSeconds: 0 }
  while (tally.rounds < options.rounds) {
    const random = seededRandom(options.seed * 65_536 + tally.rounds)
    const told = await runRound(join(options.folder, 'data'), tally, random)
    tally.rounds += 1
    await writeFile(`${file}.new`, JSON.stringify(tally))
    await rename(`${file}.new`, file)
    options.say(`round ${tally.rounds} of ${options.rounds}: killed after ${told.toFixed(2)} s`)
  }
  return tally
}

/** One broadcast: published, killed with the server, gone on with or not, and looked at. Answers what viewers were told of. */
async function runRound(dataDir: string, tally: LiveTally, random: () => number): Promise<number> {
  // Everything of a round is drawn before anything takes its time.
  const [killAfterMs, comesBack, scope] = [
    300 + random() * 3_500,
    random() < 0.4,
    random() < 0.5 ? ('tree' as const) : ('alone' as const),
  ]
  const first = startProgram(['serve'], environmentOf(dataDir))
  let publisher: ChildProcess | undefined
  let input: Input
  let told = 0
  let uid = ''
  try {
    const server = await serverOf(first)
    input = await callApi<Input>(server, '/stream/live_inputs', {
      method: 'POST',
      body: { recording: { mode: 'automatic', timeoutSeconds: WINDOW_SECONDS } },
    })
    publisher = publish(input)
    uid = await until('a broadcast begins', async () => (await videosOf(server, input.uid))[0]?.uid)
    const killed = sleep(killAfterMs)
    for (const killAtMs = performance.now() + killAfterMs; performance.now() < killAtMs; ) {
      told = Math.max(told, await toldSeconds(server, uid))
      await Promise.race([killed, sleep(100)])
    }
  } finally {
    await first.kill(scope)
    await endOf(publisher)
  }
  if (told > 0) tally.withPlaylist += 1
  const lost = await lookAfterwards(dataDir, { input, uid, told, comesBack })
  if (comesBack) tally.cameBack += 1
  tally.mostLostSeconds = Math.max(tally.mostLostSeconds, lost)
  return told
}

type Killed = {
  readonly input: Input
  readonly uid: string
  readonly told: number
  readonly comesBack: boolean
}

/** The next life: the video must become ready, whole, and be the only one. Answers how many seconds are not there. */
async function lookAfterwards(dataDir: string, { input, uid, told, comesBack }: Killed): Promise<number> {
  const next = startProgram(['serve'], environmentOf(dataDir))
  try {
    const server = await serverOf(next)
    if (comesBack) await publishAgain(server, input.uid, uid, told)
    const video = await until(`${uid} comes to its end`, async () => {
      const videos = await videosOf(server, input.uid)
      if (videos.length !== 1 || videos[0]?.uid !== uid) {
        throw new Violation(`one broadcast of ${input.uid} has the videos ${JSON.stringify(videos)}`)
      }
      return ['ready', 'error'].includes(videos[0].status.state) ? videos[0] : undefined
    })
    if (video.status.state === 'error') {
      // Killed before a part was whole: there is nothing that could be played, and nobody was told of anything.
      if (told > 0) throw new Violation(`${uid} has failed: ${video.status.errorReasonText}`)
      return 0
    }
    const lost = told - video.duration
    if (lost > MOST_LOST_SECONDS) {
      throw new Violation(`viewers were told of ${told} s of ${uid}, and it has ${video.duration} s`)
    }
    const playlist = await fetch(`${server.url}/${uid}/manifest/video.m3u8`)
    if (playlist.status !== 200)
      throw new Violation(`${uid} is ready, and its playlist is ${playlist.status}`)
    const left = await findLeftovers(dataDir, next.pid)
    if (left.length > 0) throw new Violation(left.join('\n'))
    return Math.max(0, lost)
  } finally {
    next.signal('SIGTERM')
    await next.exited
  }
}

/** The publisher is back inside the window, for a second: the same video goes on. */
async function publishAgain(server: Server, inputUid: string, uid: string, told: number): Promise<void> {
  const again = await callApi<Input>(server, `/stream/live_inputs/${inputUid}`)
  const publisher = publish(again)
  try {
    await until('the broadcast goes on', async () => {
      const [video] = await videosOf(server, inputUid)
      // Who comes too late, on a busy machine, begins another broadcast; that is not looked at here.
      if (video?.uid !== uid || video.status.state !== 'live-inprogress') return true
      return (await toldSeconds(server, uid)) > told ? true : undefined
    })
  } finally {
    await endOf(publisher)
  }
}

async function serverOf(program: Program): Promise<Server> {
  const url = await program.ready
  return { url, apiUrl: `${url}/client/v4`, ...CREDENTIALS }
}

const videosOf = (server: Server, inputUid: string) =>
  callApi<Video[]>(server, `/stream/live_inputs/${inputUid}/videos`)

/** What the playlists of a broadcast tell of, all of it: seconds of segments and of the parts behind them. */
async function toldSeconds(server: Server, uid: string): Promise<number> {
  const main = `${server.url}/${uid}/manifest/video.m3u8?dvrEnabled=true`
  const answer = await fetch(main)
  if (answer.status !== 200) return 0
  const named = (await answer.text()).split('\n').find((line) => line !== '' && !line.startsWith('#'))
  if (named === undefined) return 0
  const media = await fetch(new URL(named, main))
  return media.status === 200 ? sumPlaylist(await media.text()) : 0
}

/** Pure: segments, and parts behind the last of them. */
function sumPlaylist(text: string): number {
  let [segments, parts] = [0, 0]
  for (const line of text.split('\n')) {
    const segment = /^#EXTINF:([\d.]+)/.exec(line)?.[1]
    const part = /^#EXT-X-PART:.*DURATION=([\d.]+)/.exec(line)?.[1]
    if (part !== undefined) parts += Number(part)
    if (segment === undefined) continue
    segments += Number(segment)
    parts = 0
  }
  return segments + parts
}

/** A test pattern with a tone, as an encoder sends it, until it is ended. */
function publish({ rtmp }: Input): ChildProcess {
  const film =
    '-v error -nostdin -re -f lavfi -i testsrc2=s=96x64:r=25 -f lavfi -i sine=f=440:r=48000 -c:v libx264 -preset ultrafast -tune zerolatency -g 25 -c:a aac -f flv'
  return spawn('ffmpeg', [...film.split(' '), `${rtmp.url}${rtmp.streamKey}`], { stdio: 'ignore' })
}

async function endOf(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

/** What `look` answers, once it answers something. Throws `Violation` when that takes too long. */
async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + LONGEST_MS
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Violation(`it did not come to pass that ${what}`)
    await sleep(100)
  }
}

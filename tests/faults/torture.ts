/**
 * Uploads and encodes on a server that is killed again and again, at instants drawn from a seed. What it proves is in
 * `checkPromises`, `checkDrafts`, `checkChunks` and `checkStored`: nothing acknowledged is lost, no offset is told that
 * is not on disk, nothing finished is done twice, nothing is left lying about. The senders are the unmodified
 * tus-js-client, several at once, on lines slow enough that kills meet the bodies of their requests. Keeps its own state
 * in a file after every round, so that a long run can itself be interrupted and gone on with.
 */

import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sourceBlob } from '../../src/core/blob-names.ts'
import { callApi } from '../harness/server.ts'
import { CREDENTIALS, environmentOf } from './own-folder.ts'
import { type Program, startProgram, waitUntilLeft } from './program.ts'
import { seededRandom } from './seeded-random.ts'
import { resumeFile } from './resume-file.ts'
import { openSlowLine } from './slow-line.ts'
import { isNoise, makeNoise, makeSources, type Source } from './sources.ts'
import { hashBlob, hashFile, readBlobs, readChunks, readDrafts, readWorkFolder } from './stored-state.ts'
import { type Access, askOffset, type ClientUpload, createUpload } from './tus-lines.ts'

/** How long and where. */
export type TortureOptions = {
  /** Holds the data folder, the sources and the state; is made when absent. */
  readonly folder: string
  readonly seed: number
  /** Kills. */
  readonly rounds: number
  readonly say: (line: string) => void
}

/** What happened, for the closing line. */
export type TortureReport = {
  readonly rounds: number
  readonly videos: number
  readonly chunks: number
  /** Kills that cut a sender's connection. */
  readonly killsDuringUpload: number
  /** Uploads of which a kill left more bytes on disk than were acknowledged: it came inside a PATCH body. */
  readonly bodiesCut: number
  readonly killsDuringEncode: number
  readonly slowestRestartMs: number
}

type Tracked = ClientUpload & { readonly sourceName: string }

type State = {
  rounds: number
  uploads: Tracked[]
  chunks: Record<string, number>
  roundsWithoutChunk: number
  killsDuringUpload: number
  bodiesCut: number
  killsDuringEncode: number
  slowestRestartMs: number
}

type Server = Access & { readonly apiUrl: string }

type ProgressAnswer = { renditions: { segmentsReady: number }[] }
type VideoAnswer = { uid: string; status: { state: string; pctComplete?: string; errorReasonText?: string } }

/** Uploads under way at once. */
const SENDERS = 3
/** A new video every so many rounds keeps uploads and encodes going to the end. */
const ROUNDS_PER_VIDEO = 2
/** A job that was interrupted more than twenty times in a row is given up; no machine is so slow that this may happen here. */
const MOST_ROUNDS_WITHOUT_CHUNK = 5
const STEADY_STATES = ['ready', 'error']

/** Runs the rounds that are still to be done, then lets everything end and checks what is stored. Throws at the first broken promise. */
export async function runTorture(options: TortureOptions): Promise<TortureReport> {
  const sourceFolder = join(options.folder, 'sources')
  await mkdir(sourceFolder, { recursive: true })
  const videos = await makeSources(sourceFolder)
  const noise = await makeNoise(sourceFolder)
  return new Torture(options, { videos, noise }, await loadState(options.folder)).run()
}

type Sources = { readonly videos: readonly Source[]; readonly noise: readonly Source[] }

class Torture {
  readonly #options: TortureOptions
  readonly #sources: Sources
  readonly #state: State
  readonly #dataDir: string

  constructor(options: TortureOptions, sources: Sources, state: State) {
    this.#options = options
    this.#sources = sources
    this.#state = state
    this.#dataDir = join(options.folder, 'data')
  }

  async run(): Promise<TortureReport> {
    if (this.#state.rounds > 0) this.#options.say(`goes on after round ${this.#state.rounds}`)
    while (this.#state.rounds < this.#options.rounds) {
      await this.#runRound(seededRandom(this.#options.seed * 65_536 + this.#state.rounds))
      this.#state.rounds += 1
      await saveState(this.#options.folder, this.#state)
    }
    await this.#letEverythingEnd()
    await this.#checkStored()
    const { uploads, chunks, rounds, roundsWithoutChunk: _, ...counts } = this.#state
    return { rounds, videos: uploads.length, chunks: Object.keys(chunks).length, ...counts }
  }

  async #runRound(random: () => number): Promise<void> {
    const program = this.#start()
    if (random() < 0.15) {
      // Some kills come while the server is still putting itself together.
      await sleep(random() * 700)
      await this.#kill(program, random)
      this.#sayRound('killed while it started')
      return
    }
    const startedMs = performance.now()
    const access = accessTo(await program.ready)
    this.#state.slowestRestartMs = Math.max(this.#state.slowestRestartMs, performance.now() - startedMs)
    await this.#checkPromises(access)

    const uploading = this.#keepUploading(access, random)
    if (random() < 0.2 || this.#state.roundsWithoutChunk >= MOST_ROUNDS_WITHOUT_CHUNK) {
      await this.#waitForSegment(access)
    }
    await sleep(100 + random() * 1_400)
    const encoding = await this.#countEncoding(access)
    await this.#kill(program, random)
    const cut = await uploading
    if (cut) this.#state.killsDuringUpload += 1
    if (encoding > 0) this.#state.killsDuringEncode += 1
    await this.#checkChunks()
    const drafts = await readDrafts(this.#dataDir)
    this.#state.bodiesCut += drafts.filter(({ sizeBytes, offsetBytes }) => sizeBytes > offsetBytes).length
    this.#sayRound(`killed with ${encoding} encoding${cut ? ' and senders at work' : ''}`)
  }

  #sayRound(how: string): void {
    const { rounds, uploads, chunks } = this.#state
    this.#options.say(
      `round ${rounds + 1} of ${this.#options.rounds}: ${how}; ${uploads.length} videos, ${Object.keys(chunks).length} chunks`,
    )
  }

  #start(): Program {
    return startProgram(['serve'], { ...environmentOf(this.#dataDir), HEADWATER_FORCE_LADDER: 'true' })
  }

  /** Half of the time the program alone, so that the decoders must notice by themselves. */
  async #kill(program: Program, random: () => number): Promise<void> {
    await program.kill(random() < 0.5 ? 'tree' : 'alone')
    await waitUntilLeft(this.#dataDir, 5_000)
  }

  /** What the server said before it was killed still holds. */
  async #checkPromises(access: Server): Promise<void> {
    const offsets = new Map<string, number>()
    for (const upload of this.#state.uploads) {
      const { status, offset } = await askOffset(access, upload)
      if (status !== 200 || !(offset >= upload.acknowledgedBytes)) {
        throw new Error(
          `upload ${upload.uid}: ${upload.acknowledgedBytes} bytes were acknowledged, HEAD now says ${status} ${offset}`,
        )
      }
      if (offset < upload.lengthBytes) {
        offsets.set(upload.uid, offset)
        continue
      }
      const video = await callApi<VideoAnswer>(access, `/stream/${upload.uid}`)
      if (video.status.state === 'pendingupload' && upload.acknowledgedBytes === upload.lengthBytes) {
        throw new Error(`upload ${upload.uid} was complete, its video is pendingupload again`)
      }
    }
    await this.#checkDrafts(offsets)
  }

  /** What HEAD tells is on disk, byte for byte as it was sent. */
  async #checkDrafts(offsets: ReadonlyMap<string, number>): Promise<void> {
    const drafts = await readDrafts(this.#dataDir)
    for (const [uid, offset] of offsets) {
      if (offset === 0) continue
      const draft = drafts.find((each) => each.uid === uid)
      const upload = this.#state.uploads.find((each) => each.uid === uid)
      if (!draft || !upload || draft.sizeBytes < offset) {
        throw new Error(`upload ${uid}: HEAD says ${offset}, on disk are ${draft?.sizeBytes ?? 'no'} bytes`)
      }
      const [stored, sent] = await Promise.all([
        hashFile(draft.path, offset),
        hashFile(this.#sourceOf(upload).path, offset),
      ])
      if (stored !== sent) throw new Error(`upload ${uid}: its first ${offset} bytes are not those sent`)
    }
  }

  /** A finished chunk is never made again: its row stays as it was. */
  async #checkChunks(): Promise<void> {
    const now = Object.fromEntries((await readChunks(this.#dataDir)).map((row) => [row.key, row.createdUs]))
    for (const [key, createdUs] of Object.entries(this.#state.chunks)) {
      if (now[key] !== createdUs)
        throw new Error(`chunk ${key} was finished at ${createdUs}, now ${now[key]}`)
    }
    const grown = Object.keys(now).length > Object.keys(this.#state.chunks).length
    this.#state.roundsWithoutChunk = grown ? 0 : this.#state.roundsWithoutChunk + 1
    this.#state.chunks = now
  }

  /** Several senders at once until the kill cuts them; answers whether it did. */
  async #keepUploading(access: Server, random: () => number): Promise<boolean> {
    // Some chunks take a second or two, so that kills meet bodies whatever the machine's speed.
    const slowestMs = random() < 0.6 ? 40 : 4
    const line = await openSlowLine(access.url, () => random() * slowestMs)
    try {
      return !(await this.#sendAll({ ...access, url: line.url }, await this.#createMissing(access)))
    } catch (error) {
      // What `fetch` throws when its connection is cut.
      if (error instanceof TypeError) return true
      throw error
    } finally {
      await line.close()
    }
  }

  /** The unfinished uploads, filled up with new ones so that every sender has one. */
  async #createMissing(access: Server): Promise<Tracked[]> {
    const { uploads, rounds } = this.#state
    const { videos, noise } = this.#sources
    const unfinished = this.#unfinished()
    while (unfinished.length < SENDERS) {
      const videosMade = uploads.filter(({ sourceName }) => !isNoise(sourceName)).length
      const source =
        videosMade * ROUNDS_PER_VIDEO <= rounds
          ? videos[videosMade % videos.length]
          : noise[uploads.length % noise.length]
      if (!source) throw new Error('there is no source')
      const { size } = await stat(source.path)
      const upload = { ...(await createUpload(access, source.name, size)), sourceName: source.name }
      uploads.push(upload)
      unfinished.push(upload)
    }
    return unfinished
  }

  /** Sends the rest of these uploads, several at a time; answers whether all came to the end. */
  async #sendAll(access: Server, uploads: Tracked[]): Promise<boolean> {
    const waiting = [...uploads]
    const send = async (): Promise<boolean> => {
      for (let upload = waiting.shift(); upload; upload = waiting.shift()) {
        if (!(await resumeFile(access, upload, this.#sourceOf(upload).path))) return false
      }
      return true
    }
    const ends = await Promise.all(Array.from({ length: SENDERS }, send))
    return !ends.includes(false)
  }

  #unfinished(): Tracked[] {
    return this.#state.uploads.filter((each) => each.acknowledgedBytes < each.lengthBytes)
  }

  async #countEncoding(access: Server): Promise<number> {
    const videos = await callApi<VideoAnswer[]>(access, '/stream')
    return videos.filter((video) => !hasEnded(video) && video.status.state !== 'pendingupload').length
  }

  /** Until an encode has got further, so that some kills come just after something was finished. */
  /** One more finished segment, while something is being encoded. */
  async #waitForSegment(access: Server): Promise<void> {
    const before = await this.#countSegments(access)
    const deadline = performance.now() + 60_000
    while ((await this.#countSegments(access)) <= before && performance.now() < deadline) {
      if ((await this.#countEncoding(access)) === 0) return
      await sleep(100)
    }
  }

  /** Of all videos, as the server tells it. */
  async #countSegments(access: Server): Promise<number> {
    const videos = await callApi<VideoAnswer[]>(access, '/stream')
    const progress = await Promise.all(
      videos.map(({ uid }) => callApi<ProgressAnswer>(access, `/headwater/videos/${uid}/events`)),
    )
    const ready = progress.flatMap(({ renditions }) => renditions.map(({ segmentsReady }) => segmentsReady))
    return ready.reduce((sum, count) => sum + count, 0)
  }

  async #letEverythingEnd(): Promise<void> {
    const program = this.#start()
    const access = accessTo(await program.ready)
    await this.#checkPromises(access)
    if (!(await this.#sendAll(access, this.#unfinished())))
      throw new Error('an upload was cut without a kill')
    for (const upload of this.#state.uploads) {
      // For each after the one before: a slow machine has many waiting.
      const deadline = performance.now() + 300_000
      const { ends } = this.#sourceOf(upload)
      let video = await callApi<VideoAnswer>(access, `/stream/${upload.uid}`)
      while (!hasEnded(video)) {
        if (performance.now() > deadline)
          throw new Error(`${upload.uid} does not end: ${JSON.stringify(video.status)}`)
        await sleep(100)
        video = await callApi<VideoAnswer>(access, `/stream/${upload.uid}`)
      }
      if (video.status.state !== ends) {
        throw new Error(`${upload.sourceName} should end ${ends}: ${JSON.stringify(video.status)}`)
      }
    }
    program.signal('SIGTERM')
    const { code } = await program.exited
    if (code !== 0) throw new Error(`the last stop ended with ${code}: ${program.stderr()}`)
    await this.#checkChunks()
  }

  /** Every byte is there, and nothing else is. */
  async #checkStored(): Promise<void> {
    for (const upload of this.#state.uploads) {
      const source = this.#sourceOf(upload)
      const [stored, sent] = await Promise.all([
        hashBlob(this.#dataDir, sourceBlob(upload.uid)),
        hashFile(source.path),
      ])
      if (stored !== sent) throw new Error(`${upload.uid}: the stored source differs from ${source.name}`)
    }
    const { recorded, present, orphanDrafts } = await readBlobs(this.#dataDir)
    const work = await readWorkFolder(this.#dataDir)
    const missing = Object.keys(recorded).filter((name) => present[name] !== recorded[name])
    const orphans = Object.keys(present).filter((name) => recorded[name] === undefined)
    const remains = { missing, orphans, orphanDrafts, work }
    for (const [what, names] of Object.entries(remains)) {
      if (names.length > 0) throw new Error(`${what}: ${names.join(', ')}`)
    }
  }

  #sourceOf(upload: Tracked): Source {
    const { videos, noise } = this.#sources
    const source = [...videos, ...noise].find(({ name }) => name === upload.sourceName)
    if (!source) throw new Error(`no source ${upload.sourceName}`)
    return source
  }
}

function hasEnded(video: VideoAnswer): boolean {
  const { state, pctComplete } = video.status
  return STEADY_STATES.includes(state) && (state === 'error' || Number(pctComplete) >= 100)
}

function accessTo(url: string): Server {
  return { url, apiUrl: `${url}/client/v4`, ...CREDENTIALS }
}

async function loadState(folder: string): Promise<State> {
  const file = join(folder, 'state.json')
  if (existsSync(file)) return JSON.parse(await readFile(file, 'utf8')) as State
  return {
    rounds: 0,
    uploads: [],
    chunks: {},
    roundsWithoutChunk: 0,
    killsDuringUpload: 0,
    bodiesCut: 0,
    killsDuringEncode: 0,
    slowestRestartMs: 0,
  }
}

async function saveState(folder: string, state: State): Promise<void> {
  const file = join(folder, 'state.json')
  await writeFile(`${file}.new`, JSON.stringify(state))
  await rename(`${file}.new`, file)
}

/**
 * Uploads and encodes on a server that is killed again and again, at instants drawn from a seed. What it proves is in
 * `checkPromises`, `checkChunks` and `checkRemains`: nothing acknowledged is lost, nothing finished is done twice,
 * nothing is left lying about. Keeps its own state in a file after every round, so that a long run can itself be
 * interrupted and gone on with.
 */

import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sourceBlob } from '../../src/core/blob-names.ts'
import { callApi } from '../harness/server.ts'
import { CREDENTIALS, environmentOf } from './own-folder.ts'
import { type Program, startProgram, waitUntilLeft } from './program.ts'
import { seededRandom } from './seeded-random.ts'
import { makeSources, type Source } from './sources.ts'
import { hashBlob, hashFile, readBlobs, readChunks, readWorkFolder } from './stored-state.ts'
import { type Access, askOffset, type ClientUpload, createUpload, sendChunk } from './tus-lines.ts'

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
  readonly killsDuringUpload: number
  readonly killsDuringEncode: number
  readonly slowestRestartMs: number
}

type State = {
  rounds: number
  uploads: (ClientUpload & { sourceName: string })[]
  chunks: Record<string, number>
  killsDuringUpload: number
  killsDuringEncode: number
  slowestRestartMs: number
}

type Server = Access & { readonly apiUrl: string }

type VideoAnswer = { uid: string; status: { state: string; pctComplete?: string; errorReasonText?: string } }

/** The smallest chunk that is not the last. */
const CHUNK_BYTES = 5 * 2 ** 20
/** A new video every so many rounds keeps uploads and encodes going to the end. */
const ROUNDS_PER_VIDEO = 2
const STEADY_STATES = ['ready', 'error']

/** Runs the rounds that are still to be done, then lets everything end and checks what is stored. Throws at the first broken promise. */
export async function runTorture(options: TortureOptions): Promise<TortureReport> {
  const sourceFolder = join(options.folder, 'sources')
  await mkdir(sourceFolder, { recursive: true })
  const torture = new Torture(options, await makeSources(sourceFolder), await loadState(options.folder))
  return torture.run()
}

class Torture {
  readonly #options: TortureOptions
  readonly #sources: readonly Source[]
  readonly #state: State
  readonly #dataDir: string

  constructor(options: TortureOptions, sources: readonly Source[], state: State) {
    this.#options = options
    this.#sources = sources
    this.#state = state
    this.#dataDir = join(options.folder, 'data')
  }

  async run(): Promise<TortureReport> {
    while (this.#state.rounds < this.#options.rounds) {
      await this.#runRound(seededRandom(this.#options.seed * 65_536 + this.#state.rounds))
      this.#state.rounds += 1
      await saveState(this.#options.folder, this.#state)
    }
    await this.#letEverythingEnd()
    await this.#checkStored()
    const { uploads, chunks, rounds, ...counts } = this.#state
    return { rounds, videos: uploads.length, chunks: Object.keys(chunks).length, ...counts }
  }

  async #runRound(random: () => number): Promise<void> {
    const program = this.#start()
    if (random() < 0.15) {
      // Some kills come while the server is still putting itself together.
      await sleep(random() * 700)
      await this.#kill(program, random)
      return
    }
    const startedMs = performance.now()
    const access = accessTo(await program.ready)
    this.#state.slowestRestartMs = Math.max(this.#state.slowestRestartMs, performance.now() - startedMs)
    await this.#checkPromises(access)

    const stopping = new AbortController()
    const uploading = this.#keepUploading(access, random, stopping.signal)
    if (random() < 0.4) await this.#waitForProgress(access)
    await sleep(100 + random() * 2_000)
    const encoding = await this.#countEncoding(access)
    await this.#kill(program, random)
    stopping.abort()
    if (await uploading) this.#state.killsDuringUpload += 1
    if (encoding > 0) this.#state.killsDuringEncode += 1
    await this.#checkChunks()
    this.#options.say(
      `round ${this.#state.rounds + 1}: ${this.#state.uploads.length} videos, ${encoding} encoding, ${Object.keys(this.#state.chunks).length} chunks`,
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
    for (const upload of this.#state.uploads) {
      const { status, offset } = await askOffset(access, upload)
      if (status !== 200 || !(offset >= upload.acknowledgedBytes)) {
        throw new Error(
          `upload ${upload.uid}: ${upload.acknowledgedBytes} bytes were acknowledged, HEAD now says ${status} ${offset}`,
        )
      }
      if (offset < upload.lengthBytes) continue
      const video = await callApi<VideoAnswer>(access, `/stream/${upload.uid}`)
      if (video.status.state === 'pendingupload' && upload.acknowledgedBytes === upload.lengthBytes) {
        throw new Error(`upload ${upload.uid} was complete, its video is pendingupload again`)
      }
    }
  }

  /** A finished chunk is never made again: its row stays as it was. */
  async #checkChunks(): Promise<void> {
    const now = Object.fromEntries((await readChunks(this.#dataDir)).map((row) => [row.key, row.createdUs]))
    for (const [key, createdUs] of Object.entries(this.#state.chunks)) {
      if (now[key] !== createdUs)
        throw new Error(`chunk ${key} was finished at ${createdUs}, now ${now[key]}`)
    }
    this.#state.chunks = now
  }

  /** Resolves once the signal is aborted; whether the kill cut an upload. */
  async #keepUploading(access: Server, random: () => number, signal: AbortSignal): Promise<boolean> {
    try {
      if (this.#state.uploads.length * ROUNDS_PER_VIDEO <= this.#state.rounds)
        await this.#createUpload(access)
      while (!signal.aborted) {
        const upload = this.#state.uploads.find((each) => each.acknowledgedBytes < each.lengthBytes)
        if (!upload) return false
        await this.#sendNextChunk(access, upload, random)
      }
    } catch (error) {
      // The kill cuts connections; an answer that is no tus answer is a finding.
      if (error instanceof Finding) throw error
      return true
    }
    return false
  }

  async #createUpload(access: Server): Promise<void> {
    const source = this.#sources[this.#state.uploads.length % this.#sources.length]
    if (!source) return
    const { length } = await readFile(source.path)
    const upload = await createUpload(access, source.name, length)
    this.#state.uploads.push({ ...upload, sourceName: source.name })
  }

  async #sendNextChunk(
    access: Server,
    upload: ClientUpload & { sourceName: string },
    random: () => number,
  ): Promise<void> {
    const from = (await askOffset(access, upload)).offset
    upload.acknowledgedBytes = Math.max(upload.acknowledgedBytes, from)
    const bytes = await readFile(this.#sourceOf(upload).path)
    const chunk = bytes.subarray(from, from + CHUNK_BYTES)
    // Some chunks take a second or two, so that kills meet uploads whatever the machine's speed.
    const slowestMs = random() < 0.6 ? 80 : 8
    const pace = { pieceBytes: 2 ** 17, pauseMs: () => random() * slowestMs }
    const answer = await sendChunk(access, upload, chunk, from, pace)
    if (answer.status !== 204) throw new Finding(`PATCH was answered ${answer.status}: ${answer.text}`)
  }

  async #countEncoding(access: Server): Promise<number> {
    const videos = await callApi<VideoAnswer[]>(access, '/stream')
    return videos.filter((video) => !hasEnded(video) && video.status.state !== 'pendingupload').length
  }

  /** Until an encode has got further, so that some kills come just after something was finished. */
  async #waitForProgress(access: Server): Promise<void> {
    const measure = async () => {
      const videos = await callApi<VideoAnswer[]>(access, '/stream')
      return videos.reduce((sum, video) => sum + Number(video.status.pctComplete ?? 0), 0)
    }
    const before = await measure()
    const deadline = performance.now() + 10_000
    while ((await measure()) <= before && performance.now() < deadline) await sleep(50)
  }

  async #letEverythingEnd(): Promise<void> {
    const program = this.#start()
    const access = accessTo(await program.ready)
    await this.#checkPromises(access)
    const unhurried = () => 0
    await this.#keepUploading(access, unhurried, new AbortController().signal)
    const deadline = performance.now() + 300_000
    for (const upload of this.#state.uploads) {
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

  #sourceOf(upload: { sourceName: string }): Source {
    const source = this.#sources.find(({ name }) => name === upload.sourceName)
    if (!source) throw new Error(`no source ${upload.sourceName}`)
    return source
  }
}

/** An answer the server should not have given, as opposed to a connection the kill has cut. */
class Finding extends Error {}

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
    killsDuringUpload: 0,
    killsDuringEncode: 0,
    slowestRestartMs: 0,
  }
}

async function saveState(folder: string, state: State): Promise<void> {
  const file = join(folder, 'state.json')
  await writeFile(`${file}.new`, JSON.stringify(state))
  await rename(`${file}.new`, file)
}

/**
 * A server under a mixed load that is killed again and again, at instants drawn from a seed, while disks fill up, writes
 * fail and clocks jump. What it proves is in `torture/`: `model.ts` knows what was acknowledged, `load.ts` asks for it,
 * `faults.ts` draws what goes wrong, `check-stored.ts` looks at the disk after each kill and `check-answers.ts` at the
 * server after each restart. Everything is written to a journal as it happens, so a long run can be interrupted.
 */

import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { LONGEST_PAUSE_MS } from '../../src/jobs/job-table.ts'
import { type Origin, startOrigin } from '../harness/origin.ts'
import { type Receiver, startReceiver, status } from '../harness/receiver.ts'
import { CREDENTIALS, environmentOf } from './own-folder.ts'
import { killQuietly, processesOf, type Program, startProgram, waitUntilLeft } from './program.ts'
import { seededRandom } from './seeded-random.ts'
import { writeBrief } from './torture/brief.ts'
import { checkAnswers, type Listed } from './torture/check-answers.ts'
import { chunkKey, StoredCheck } from './torture/check-stored.ts'
import { Client, Cut, Violation } from './torture/client.ts'
import { drawLife, type LifePlan, mayFail, NO_FAULTS } from './torture/faults.ts'
import { type Films, makeFilms } from './torture/films.ts'
import { Journal } from './torture/journal.ts'
import { Load } from './torture/load.ts'
import { settle } from './torture/settle.ts'
import { fillDisk, freeDisk, openDisk, removeDisk } from './torture/small-disk.ts'
import type { Tally } from './torture/tally.ts'
import type { Access } from './tus-lines.ts'

/** How long and where. */
export type TortureOptions = {
  /** Holds the disk, the sources and the journal; is made when absent. */
  readonly folder: string
  readonly seed: number
  /** Kills. */
  readonly rounds: number
  readonly say: (line: string) => void
}

/**
 * Everything comes to its end, and is looked at, after so many rounds and after the last. Fewer than the interruptions
 * that a job is forgiven (`jobs/job-table.ts`): on a busy machine one may need longer than any of these short lives.
 */
const ROUNDS_TO_REST = 15
/** For an encode to begin, or for decoders to notice that their server is gone. */
const LONGEST_WAIT_MS = 10_000
/** A receiver that is not always well. */
const RECEIVER_FAILS = 0.1

/** Of the server's log, where a violation is told. */
const LOG_LINES = 20

const PROGRAM = fileURLToPath(new URL('torture/faulty-program.ts', import.meta.url))

/** Runs the rounds that are still to be done. Throws `Violation` at the first broken promise, everything left as it is. */
export async function runTorture(options: TortureOptions): Promise<Tally> {
  const sourceFolder = join(options.folder, 'sources')
  await mkdir(sourceFolder, { recursive: true })
  const films = await makeFilms(sourceFolder)
  await openDisk(diskOf(options.folder))
  const journal = new Journal(join(options.folder, 'journal.jsonl'))
  const outside = await openOutside(films, journal, seededRandom(options.seed))
  try {
    await new Torture(options, films, journal, outside).run()
    return journal.tally
  } finally {
    await outside.stop()
  }
}

/** Removes the folder of a run, its disk too. */
export async function removeTorture(folder: string): Promise<void> {
  removeDisk(diskOf(folder))
  await rm(folder, { recursive: true, force: true })
}

function diskOf(folder: string): string {
  return join(folder, 'disk')
}

/** Other machines: where copies come from, and where webhooks go. */
type Outside = {
  readonly origins: ReadonlyMap<string, Origin>
  readonly receiver: Receiver
  /** Whether the receiver fails now and then. */
  receiverFails: boolean
  stop(): Promise<void>
}

async function openOutside(films: Films, journal: Journal, random: () => number): Promise<Outside> {
  const origins = new Map<string, Origin>()
  for (const { name, path } of [...films.small, films.sound]) {
    if (origins.has(name)) continue
    const file = { bytes: await readFile(path), etag: `"${name}"` }
    origins.set(name, await startOrigin(file, { path: `/${name}`, behaviour: { rate: 2_000_000 } }))
  }
  const receiver = await startReceiver()
  receiver.answer = (outgoing) => {
    if (outside.receiverFails && random() < RECEIVER_FAILS) return status(500)(outgoing)
    const { uid, status: told } = JSON.parse(receiver.received.at(-1)?.body ?? '{}') as {
      uid: string
      status: { state: string }
    }
    // Before the answer: what was acknowledged to the server is known here.
    journal.write({ is: 'told', uid, state: told.state })
    status(204)(outgoing)
  }
  const stop = async () => {
    await receiver.stop()
    for (const origin of origins.values()) await origin.stop()
  }
  const outside: Outside = { origins, receiver, receiverFails: true, stop }
  return outside
}

class Torture {
  readonly #options: TortureOptions
  readonly #films: Films
  readonly #journal: Journal
  readonly #outside: Outside
  readonly #disk: string
  readonly #dataDir: string
  readonly #stored: StoredCheck
  /** What the last kill left, and the next start has to end. */
  #leftovers: readonly number[] = []
  #webhookIsSet = false

  constructor(options: TortureOptions, films: Films, journal: Journal, outside: Outside) {
    this.#options = options
    this.#films = films
    this.#journal = journal
    this.#outside = outside
    this.#disk = diskOf(options.folder)
    this.#dataDir = join(this.#disk, 'data')
    this.#stored = new StoredCheck(this.#dataDir, journal, films)
  }

  async run(): Promise<void> {
    const { tally } = this.#journal
    if (tally.rounds > 0) this.#options.say(`goes on after round ${tally.rounds}`)
    // Left by a run that was interrupted while it was full.
    freeDisk(this.#disk)
    for (;;) {
      const { rounds } = tally
      if (rounds > tally.restedAfter && (rounds % ROUNDS_TO_REST === 0 || rounds >= this.#options.rounds)) {
        this.#options.say('everything comes to its end')
        await this.#rest()
        this.#journal.write({ is: 'rest', rounds })
      }
      if (rounds >= this.#options.rounds) return
      const random = seededRandom(this.#options.seed * 65_536 + rounds)
      await this.#live(drawLife(random), random)
    }
  }

  /** One life of the server: start, checks, load and faults, kill, checks. */
  async #live(plan: LifePlan, random: () => number): Promise<void> {
    const life = this.#start(plan)
    let sendersCut = 0
    let startMs: number | null = null
    let violation: unknown
    try {
      if (plan.kill.after === 'start') await Promise.race([sleep(plan.kill.ms), life.program.exited])
      else ({ startMs, sendersCut } = await this.#work(life, plan, random))
    } catch (error) {
      violation = error
    }
    await life.program.kill(plan.kill.scope)
    freeDisk(this.#disk)
    if (violation !== undefined) throw withLog(violation, life.program)
    this.#leftovers = await waitUntilLeft(this.#dataDir, LONGEST_WAIT_MS)
    if (this.#leftovers.length > 0) life.faults.push('cage left over')
    if (!life.faults.some((fault) => fault.startsWith('kill at'))) {
      const { signal } = await life.program.exited
      if (signal !== 'SIGKILL') throw new Violation(`it ended by itself: ${life.program.stderr()}`)
      life.faults.push(startMs === null ? 'kill while it starts' : `kill ${plan.kill.scope}`)
    }
    this.#journal.write({ is: 'life ended', realMs: Date.now(), mayFail: mayFail(plan) })
    const figures = await this.#stored.afterKill()
    const lost = [...life.chunks].flatMap((chunk) => figures.unfinished.get(chunk) ?? [])
    const chunksLost = lost.length
    if (chunksLost > figures.encodesRunning && !mayFail(plan)) {
      const told = `${chunksLost} chunks were lost, and ${figures.encodesRunning} encodes ran`
      throw withLog(new Violation(`${told}: ${lost.join('; ')}`), life.program)
    }
    const { encodesRunning, bodiesCut } = figures
    const facts = { faults: life.faults, startMs, chunksLost, encodesRunning, sendersCut, bodiesCut }
    this.#journal.write({ is: 'life', ...facts })
    this.#options.say(
      `round ${this.#journal.tally.rounds} of ${this.#options.rounds}: ${life.faults.join(', ')}; ${encodesRunning} encodes cut`,
    )
  }

  #start(plan: LifePlan): Life {
    const { model } = this.#journal
    const program = startProgram(
      [writeBrief({ faults: plan.inner, clock: model.clock })],
      {
        ...environmentOf(this.#dataDir),
        HEADWATER_FORCE_LADDER: 'true',
        HEADWATER_ALLOW_PRIVATE_FETCH: 'true',
        HEADWATER_WORKERS: '2',
      },
      [process.execPath, PROGRAM],
    )
    const life: Life = { program, startedMs: performance.now(), faults: [], chunks: new Set() }
    program.onLine((line) => {
      const [, word, rest = ''] = /^@(\w+) (.*)$/.exec(line) ?? []
      if (word === 'fault') life.faults.push(rest)
      if (word === 'clock') {
        const [realMs = 0, offsetMs = 0] = rest.split(' ').map(Number)
        this.#journal.write({ is: 'clock', realMs, offsetMs })
      }
      const [, pass = '', first = '', uid = ''] = /^(\w+)(?: chunk)? (\d+)–\d+ of (\w+)$/.exec(rest) ?? []
      if (word === 'run' && uid !== '') life.chunks.add(chunkKey(uid, pass, first))
    })
    return life
  }

  /** From the first answer to the moment of the kill. */
  async #work(
    life: Life,
    plan: LifePlan,
    random: () => number,
  ): Promise<{ startMs: number | null; sendersCut: number }> {
    const { program } = life
    const access = await this.#ready(life)
    if (access === undefined) return { startMs: null, sendersCut: 0 }
    const startMs = performance.now() - life.startedMs
    const listed = await this.#look(access, life)
    if (listed === undefined) return { startMs, sendersCut: 0 }
    const load = new Load({
      access,
      journal: this.#journal,
      films: this.#films,
      origins: this.#outside.origins,
      random,
      mayFail: mayFail(plan),
      prefix: `r${this.#journal.tally.rounds + 1}-${this.#journal.length}`,
      ...listed,
    })
    load.start()
    const faults = Promise.all([this.#killDecoder(life, plan), this.#fillDisk(life, plan)])
    if (plan.waitForEncode) await this.#encodeBegins(life)
    await Promise.race([sleep(plan.kill.ms), program.exited])
    await program.kill(plan.kill.scope)
    await faults
    return { startMs, sendersCut: await load.end() }
  }

  /** An encode has begun, if one does within a while. */
  async #encodeBegins({ program, chunks }: Life): Promise<void> {
    const begun = Promise.withResolvers<void>()
    program.onLine(() => {
      if (chunks.size > 0) begun.resolve()
    })
    await Promise.race([begun.promise, sleep(LONGEST_WAIT_MS), program.exited])
  }

  /** `undefined` when it was killed before. */
  async #ready(life: Life): Promise<Access | undefined> {
    try {
      const url = await life.program.ready
      const left = new Set(processesOf(this.#dataDir).map(({ pid }) => pid))
      const stayed = this.#leftovers.filter((pid) => left.has(pid))
      if (stayed.length > 0) throw new Violation(`cages outlived the next start: ${stayed.join(', ')}`)
      return { url, ...CREDENTIALS }
    } catch (error) {
      if (life.faults.some((fault) => fault.startsWith('kill at'))) return undefined
      throw error
    }
  }

  /** What the server says after its start; `undefined` when it was killed meanwhile. */
  async #look(access: Access, life: Life): Promise<Listed | undefined> {
    const client = new Client(access, this.#journal, false)
    try {
      const listed = await checkAnswers(access, { client, journal: this.#journal, films: this.#films })
      if (!this.#webhookIsSet) {
        const body = { notificationUrl: this.#outside.receiver.url }
        const reply = await client.change({ action: 'set webhook' }, '/stream/webhook', {
          method: 'PUT',
          body,
        })
        this.#webhookIsSet = typeof reply !== 'string'
      }
      return listed
    } catch (error) {
      await sleep(50)
      const isDead = life.faults.some((fault) => fault.startsWith('kill at'))
      if (isDead && (error instanceof Cut || error instanceof TypeError)) return undefined
      throw error
    }
  }

  async #killDecoder({ program, faults }: Life, { killDecoderAtMs }: LifePlan): Promise<void> {
    if (killDecoderAtMs === null) return
    await Promise.race([sleep(killDecoderAtMs), program.exited])
    const [victim] = program.decoders()
    if (victim === undefined) return
    killQuietly(victim)
    faults.push('kill of a decoder')
  }

  async #fillDisk({ program, faults }: Life, { diskFull }: LifePlan): Promise<void> {
    if (diskFull === null) return
    await Promise.race([sleep(diskFull.atMs), program.exited])
    if (!(await fillDisk(this.#disk))) return
    faults.push('disk full')
    await Promise.race([sleep(diskFull.forMs), program.exited])
    freeDisk(this.#disk)
  }

  /** Everything comes to its end: two lives without faults, the second only to clean up after the first. */
  async #rest(): Promise<void> {
    this.#outside.receiverFails = false
    for (const step of ['end', 'clean up'] as const) {
      this.#journal.write({ is: 'clock', realMs: Date.now(), offsetMs: this.#restOffsetMs(step) })
      const life = this.#start(NO_FAULTS)
      try {
        await this.#restOnce(life, step)
      } finally {
        await life.program.kill('tree')
      }
      this.#leftovers = await waitUntilLeft(this.#dataDir, LONGEST_WAIT_MS)
      this.#journal.write({ is: 'life ended', realMs: Date.now(), mayFail: false })
    }
    await this.#stored.atRest()
    this.#outside.receiverFails = true
  }

  async #restOnce(life: Life, step: 'end' | 'clean up'): Promise<void> {
    const access = await this.#ready(life)
    if (access === undefined) throw new Error('a life without faults begins')
    const listed = await this.#look(access, life)
    if (step === 'end' && listed) await settle(access, { journal: this.#journal, films: this.#films })
    life.program.signal('SIGTERM')
    const { code } = await life.program.exited
    if (code !== 0) throw new Violation(`a stop ended with ${code}: ${life.program.stderr()}`)
  }

  /**
   * Later than the clock has ever been: so much that every retry is due, also one that was planned before the clock was set
   * back; then a little more, so that everything that was left is old.
   */
  #restOffsetMs(step: 'end' | 'clean up'): number {
    const latestMs = Math.max(...this.#journal.model.clock.map(({ offsetMs }) => offsetMs))
    return latestMs + (step === 'end' ? LONGEST_PAUSE_MS : 1_000)
  }
}

/** A violation tells what the server wrote into its log. */
function withLog(error: unknown, program: Program): unknown {
  if (!(error instanceof Violation)) return error
  const log = program
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('{'))
  return new Violation([error.message, ...log.slice(-LOG_LINES)].join('\n'), { cause: error })
}

type Life = {
  readonly program: Program
  readonly startedMs: number
  readonly faults: string[]
  /** Encode chunks that were begun, as `chunkKey` names them. */
  readonly chunks: Set<string>
}

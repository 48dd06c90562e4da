/**
 * Damaged media files through a real server with the real decoder in its cage: every round sends one damaged copy of
 * each of the twenty sources. What it proves: nothing crashes, nothing hangs, no process and no file is left over, and
 * who sent the file is told what is wrong with it. Keeps its state after every batch of rounds, so that a long run can
 * be interrupted and gone on with; what was found is kept as files.
 */

import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CREDENTIALS, environmentOf } from '../faults/own-folder.ts'
import { type Program, startProgram } from '../faults/program.ts'
import { seededRandom } from '../faults/seeded-random.ts'
import { liveOnServer, type MediaEnd, type MediaServer } from './media-life.ts'
import { mutateMedia } from './media-mutate.ts'
import { findLeftovers } from './media-leftovers.ts'
import { makeMediaSources, type MediaSource } from './media-sources.ts'

/** How long and where. */
export type MediaTortureOptions = {
  /** Holds the data folder, the state and what was found; is made when absent. */
  readonly folder: string
  readonly seed: number
  /** Damaged copies of every source. */
  readonly rounds: number
  readonly say: (line: string) => void
}

/** Something that no file may bring about, and the file that did. */
export type MediaFinding = {
  /** Source, seed and round make the file again. */
  readonly file: string
  readonly round: number
  readonly kind: 'crash' | 'leftover' | 'problem' | 'unexplained'
  readonly what: string
}

/** What happened, for the closing lines. */
export type MediaReport = {
  /** By source: how many ended in which way. */
  readonly ends: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly findings: readonly MediaFinding[]
  readonly slowest: { readonly file: string; readonly ms: number }
}

type State = {
  rounds: number
  ends: Record<string, Record<string, number>>
  findings: MediaFinding[]
  slowest: { file: string; ms: number }
}

/** Rounds between two looks at what is left over. */
const BATCH_ROUNDS = 10
/** Files under way at once: what waits for another attempt holds nobody up. */
const AT_ONCE = 12
/** From sending to the end, three more attempts at an encode included; a busy machine takes its time. */
export const FILE_BUDGET_MS = 300_000

/** The damaged copy of `source` that `round` of `seed` sends. */
export function damagedCopy(source: MediaSource, seed: number, round: number): Uint8Array {
  const own = Buffer.from(source.name).reduce((sum, letter) => (sum * 31 + letter) % 65_521, 7)
  return mutateMedia(source, seededRandom(seed * 7_368_787 + round * 104_729 + own))
}

/** Whether somebody who reads this end learns what is wrong with the file. */
export function isUnexplained({ state, reasonCode, code }: MediaEnd): boolean {
  return state === 'error' && (reasonCode === 'ERR_UNKNOWN' || code === '' || code === 'internal')
}

/** Runs the rounds that are still to be done. */
export async function runMediaTorture(options: MediaTortureOptions): Promise<MediaReport> {
  await mkdir(join(options.folder, 'found'), { recursive: true })
  const sources = await makeMediaSources()
  const state = await loadState(options.folder)
  if (state.rounds > 0) options.say(`goes on after round ${state.rounds}`)
  let program: Program | undefined
  try {
    while (state.rounds < options.rounds) {
      program ??= startServer(options.folder)
      const until = Math.min(options.rounds, state.rounds + BATCH_ROUNDS)
      const survived = await runBatch(options, state, { sources, program, until })
      if (!survived) program = undefined
      state.rounds = until
      await saveState(options.folder, state)
      options.say(
        `round ${state.rounds} of ${options.rounds}: ${state.findings.length} findings, slowest ${Math.round(state.slowest.ms / 1000)} s (${state.slowest.file})`,
      )
    }
  } finally {
    program?.signal('SIGTERM')
    await program?.exited
  }
  return state
}

type Batch = { readonly sources: readonly MediaSource[]; readonly program: Program; readonly until: number }

/** Answers whether the server is still there. */
async function runBatch(options: MediaTortureOptions, state: State, batch: Batch): Promise<boolean> {
  const { sources, program, until } = batch
  const url = await program.ready
  const server: MediaServer = { url, apiUrl: `${url}/client/v4`, ...CREDENTIALS }
  const waiting = Array.from({ length: until - state.rounds }, (_, index) => state.rounds + index).flatMap(
    (round) => sources.map((source) => ({ source, round })),
  )
  const gone = new AbortController()
  void program.exited.then(() => gone.abort())
  const send = async (): Promise<void> => {
    for (let next = waiting.shift(); next && !gone.signal.aborted; next = waiting.shift()) {
      const { source, round } = next
      await sendOne(options, state, server, source, round, gone.signal)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, send))
  if (gone.signal.aborted) {
    const { code, signal } = await program.exited
    const what = `the server ended (${code ?? signal}): ${program.stderr().slice(-4000)}`
    state.findings.push({ file: '', round: until - 1, kind: 'crash', what })
    options.say(what)
    return false
  }
  for (const what of await findLeftovers(join(options.folder, 'data'), program.pid)) {
    // What stays lying is found again after every batch.
    if (state.findings.some((each) => each.what === what)) continue
    state.findings.push({ file: '', round: until - 1, kind: 'leftover', what })
    options.say(what)
  }
  return true
}

async function sendOne(
  options: MediaTortureOptions,
  state: State,
  server: MediaServer,
  source: MediaSource,
  round: number,
  gone: AbortSignal,
): Promise<void> {
  const bytes = damagedCopy(source, options.seed, round)
  const find = async (kind: MediaFinding['kind'], what: string): Promise<void> => {
    const file = `${options.seed}-${round}-${source.name}`
    await writeFile(join(options.folder, 'found', file), bytes)
    state.findings.push({ file, round, kind, what })
    options.say(`${file}: ${what}`)
  }
  let end: MediaEnd
  try {
    end = await liveOnServer(
      server,
      { bytes, metadata: { name: source.name } },
      { budgetMs: FILE_BUDGET_MS, watch: true, remove: true },
    )
  } catch (error) {
    // A crash is told once, with the server's own words; the files that were under way are kept beside it.
    await sleep(500)
    if (gone.aborted) await find('crash', 'was under way when the server ended')
    else await find('problem', `lost its connection: ${String(error)}`)
    return
  }
  const key = end.state === 'error' ? `${end.reasonCode} ${end.code}` : end.state
  const ends = (state.ends[source.name] ??= {})
  ends[key] = (ends[key] ?? 0) + 1
  if (end.ms > state.slowest.ms)
    state.slowest = { file: `${options.seed}-${round}-${source.name}`, ms: end.ms }
  for (const problem of end.problems) await find('problem', problem)
  if (isUnexplained(end)) await find('unexplained', `${key}: ${end.sentence}`)
}

function startServer(folder: string): Program {
  return startProgram(['serve'], environmentOf(join(folder, 'data')))
}

async function loadState(folder: string): Promise<State> {
  const file = join(folder, 'state.json')
  if (existsSync(file)) return JSON.parse(await readFile(file, 'utf8')) as State
  return { rounds: 0, ends: {}, findings: [], slowest: { file: '', ms: 0 } }
}

async function saveState(folder: string, state: State): Promise<void> {
  const file = join(folder, 'state.json')
  await writeFile(`${file}.new`, JSON.stringify(state))
  await rename(`${file}.new`, file)
}

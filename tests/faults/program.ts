/** The real program as a process: started by `bin/headwater`, killed in every way a process can be. Linux only (/proc). */

import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { COMPILED_FOLDER, LAUNCHER } from '../harness/server.ts'

/** How a process ended. */
export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** One start of the program. */
export type Program = {
  readonly pid: number
  /** Address without a trailing slash, once the program said that it is ready; rejects when it ends before. */
  readonly ready: Promise<string>
  readonly exited: Promise<Exit>
  stdout(): string
  stderr(): string
  /** Tells of every whole line of `stdout`, from the first on. */
  onLine(listener: (line: string) => void): void
  /** Its decoders that run now. */
  decoders(): readonly number[]
  signal(name: NodeJS.Signals): void
  /** SIGKILL: `tree` = the program and everything it started; `alone` = only the program. Resolves when it is gone. */
  kill(scope: 'tree' | 'alone'): Promise<void>
}

/** Starts the program; every `HEADWATER_…` name of this process's own environment is left out. */
export function startProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  command: readonly string[] = [LAUNCHER],
): Program {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(HEADWATER_|NODE_OPTIONS|VITEST)/.test(name),
  )
  const [program = '', ...before] = command
  const child = spawn(program, [...before, ...args], {
    env: { ...Object.fromEntries(inherited), NODE_COMPILE_CACHE: COMPILED_FOLDER, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = { stdout: '', stderr: '' }
  const ready = Promise.withResolvers<string>()
  // Whoever does not wait for it is not interested in its failure either.
  ready.promise.catch(() => {})
  child.stdout.on('data', (bytes: Buffer) => {
    texts.stdout += bytes.toString()
    const url = /^ready (http:\S+)$/m.exec(texts.stdout)?.[1]
    if (url !== undefined) ready.resolve(url)
  })
  child.stderr.on('data', (bytes: Buffer) => {
    texts.stderr += bytes.toString()
  })
  const exited = watchExit(child)
  void exited.then(({ code, signal }) =>
    ready.reject(
      new Error(`ended before it was ready (${code ?? signal})\n${texts.stdout}\n${texts.stderr}`),
    ),
  )
  const pid = child.pid ?? 0
  return {
    pid,
    ready: ready.promise,
    exited,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    onLine(listener) {
      let told = 0
      const tell = (): void => {
        const end = texts.stdout.lastIndexOf('\n') + 1
        const lines = texts.stdout.slice(told, end).split('\n').slice(0, -1)
        told = Math.max(told, end)
        for (const line of lines) listener(line)
      }
      tell()
      child.stdout.on('data', tell)
    },
    decoders: () => descendantsOf(pid).filter((each) => nameOf(each) === 'ffmpeg'),
    signal: (name) => child.kill(name),
    async kill(scope) {
      const victims = scope === 'tree' ? [pid, ...descendantsOf(pid)] : [pid]
      for (const victim of victims) killQuietly(victim)
      await exited
    },
  }
}

/** Processes that work in `folder` or name it on their command line, this one apart. */
export function processesOf(folder: string): readonly { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
        const folderOfProcess = readlinkSync(`/proc/${name}/cwd`)
        // Behind walls a folder may be told with the walls' own root before it.
        const belongs = folderOfProcess.includes(folder) || command.includes(folder)
        return belongs && command !== '' ? [{ pid: Number(name), command }] : []
      } catch {
        return []
      }
    })
}

/**
 * Waits until nothing works in `folder` any more. Answers the cages that were still being made when their server was killed,
 * and wait for it for ever (`src/adapters/ffmpeg/leftovers.ts`); throws with the command lines of whatever else is there
 * after `timeoutMs`.
 */
export async function waitUntilLeft(folder: string, timeoutMs: number): Promise<readonly number[]> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const left = processesOf(folder)
    if (left.length === 0) return []
    if (performance.now() > deadline) {
      if (left.every(({ pid }) => nameOf(pid) === 'bwrap')) return left.map(({ pid }) => pid)
      throw new Error(`still there: ${left.map(({ pid, command }) => `${pid} ${command}`).join('\n')}`)
    }
    await sleep(20)
  }
}

function watchExit(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
}

/** Every process that `pid` started, and what those started; empty when it is gone. */
export function descendantsOf(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    )
    return children.flatMap((child) => [child, ...descendantsOf(child)])
  } catch {
    return []
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

/** SIGKILL, unless it has ended by itself. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself meanwhile.
  }
}

/**
 * Whether a server under attack stays at home: a listener on loopback that nobody may call, a canary that nobody may
 * open, and strace over the whole process tree, which sees what a caught decoder tries in vain as well. Linux only.
 */

import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CREDENTIALS, environmentOf } from '../faults/own-folder.ts'
import { type Program, startProgram } from '../faults/program.ts'
import type { MediaServer } from '../fuzz/media-life.ts'
import type { Lure } from './attack.ts'

/** Words that nothing the server says may contain. */
export const CANARY_WORDS = 'canary: whoever reads this was lured'

/** A lure that is laid out in `folder`. */
export type LaidLure = Lure & {
  /** Connections so far. */
  calls(): number
  remove(): Promise<void>
}

/** Writes the canary and begins to listen. */
export async function layLure(folder: string): Promise<LaidLure> {
  await mkdir(join(folder, 'canary'), { recursive: true })
  const file = join(folder, 'canary', 'canary.mp4')
  await writeFile(file, CANARY_WORDS)
  let calls = 0
  const server = createServer((socket) => {
    calls += 1
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    file,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
    async remove() {
      server.close()
      await once(server, 'close')
    },
  }
}

/** A server whose system calls are written down. */
export type WatchedServer = MediaServer & {
  readonly dataDir: string
  readonly program: Program
  /** Its calls so far. */
  trace(): Promise<Trace>
}

const TRACED = 'open,openat,openat2,creat,execve,connect,clone,clone3,fork,vfork'

/** Starts one in `folder`. */
export async function startWatched(folder: string): Promise<WatchedServer> {
  const dataDir = join(folder, 'data')
  const file = join(folder, 'trace')
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
  // With -D the program is our child; the filter in the kernel lets all other calls pass at full speed.
  const strace = ['strace', '-D', '-f', '--seccomp-bpf', '-s', '4096', '-o', file, '-e', `trace=${TRACED}`]
  const program = startProgram(['serve'], environmentOf(dataDir), [...strace, process.execPath, main])
  const url = await program.ready
  return {
    url,
    apiUrl: `${url}/client/v4`,
    ...CREDENTIALS,
    dataDir,
    program,
    trace: async () => readTrace(await readFile(file, 'latin1')),
  }
}

/** One thing a process did, or tried to do. */
export type TracedAct = { readonly program: string; readonly text: string }

/** What the tree did: files opened by path, programs started, addresses called. */
export type Trace = {
  readonly opened: readonly (TracedAct & { readonly path: string })[]
  readonly started: readonly TracedAct[]
  readonly called: readonly TracedAct[]
}

const OPEN = /^(?:open|openat|openat2|creat)\((?:AT_FDCWD|\d+)?,? ?"((?:[^"\\]|\\.)*)"/
const BORN = /^(?:clone|clone3|v?fork)\b.*\) += (\d+)$/

/** Reads what strace wrote. Calls that failed count: they were tried. */
export function readTrace(text: string): Trace {
  /** By process or thread: what it runs, which its children run too until they become something else. */
  const programs = new Map<string, string>()
  const begun = new Map<string, string>()
  const trace = { opened: [], started: [], called: [] } as {
    opened: (TracedAct & { path: string })[]
    started: TracedAct[]
    called: TracedAct[]
  }
  for (const line of text.split('\n')) {
    const [, pid = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (rest.endsWith('<unfinished ...>')) {
      begun.set(pid, rest.slice(0, -' <unfinished ...>'.length))
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)
    const call = resumed === null ? rest : (begun.get(pid) ?? '') + (resumed[1] ?? '')
    const act = { program: programs.get(pid) ?? 'node', text: call }
    const child = BORN.exec(call)?.[1]
    if (child !== undefined && !programs.has(child)) programs.set(child, act.program)
    const path = OPEN.exec(call)?.[1]
    if (path !== undefined) trace.opened.push({ ...act, path })
    if (call.startsWith('connect(')) trace.called.push(act)
    const started = /^execve\("([^"]*)".*= 0$/.exec(call)?.[1]
    if (started !== undefined) {
      programs.set(pid, started.replace(/^.*\//, ''))
      trace.started.push({ program: started.replace(/^.*\//, ''), text: call })
    }
  }
  return trace
}

/** Peak memory of a process, bytes (`VmHWM`). */
export async function peakBytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1]) * 1024
}

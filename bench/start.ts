/** From the second start on a folder (nothing to be made any more) to `/readyz`, and what the idle server holds. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startProgram } from '../tests/faults/program.ts'
import { environmentOf, withFolder } from '../tests/faults/own-folder.ts'
import { formatTable, median, megabytes, seconds } from './table.ts'

const ROOT = join(import.meta.dirname, '..')
/** As users start it. */
const LAUNCHER = join(ROOT, 'bin/headwater')
const RUNS = 5
const START_LIMIT_MS = 1_000
const MEMORY_LIMIT_BYTES = 180e6
const IDLE_MS = 3_000
const POLL_MS = 2

await withFolder(async (dataDir) => {
  const first = await measureStart(dataDir)
  const others: Measured[] = []
  for (let run = 0; run < RUNS; run++) others.push(await measureStart(dataDir))
  const startMs = median(others.map((each) => each.startMs))
  const idleBytes = median(others.map((each) => each.idleBytes))
  process.stdout.write(
    formatTable(
      ['start', 'measured', 'limit', ''],
      [
        ['first start on an empty folder → /readyz', seconds(first.startMs), '', ''],
        [
          `second start → /readyz, median of ${RUNS}`,
          seconds(startMs),
          seconds(START_LIMIT_MS),
          verdict(startMs <= START_LIMIT_MS),
        ],
        [
          `idle memory (resident) after ${IDLE_MS / 1000} s`,
          megabytes(idleBytes),
          megabytes(MEMORY_LIMIT_BYTES),
          verdict(idleBytes <= MEMORY_LIMIT_BYTES),
        ],
      ],
    ),
  )
})

type Measured = { readonly startMs: number; readonly idleBytes: number }

async function measureStart(dataDir: string): Promise<Measured> {
  const startedMs = performance.now()
  const program = startProgram(['serve'], environmentOf(dataDir), [LAUNCHER])
  const url = await program.ready
  while (!(await isReady(url))) await sleep(POLL_MS)
  const startMs = performance.now() - startedMs
  await sleep(IDLE_MS)
  const idleBytes = await residentBytes(program.pid)
  program.signal('SIGTERM')
  await program.exited
  return { startMs, idleBytes }
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    (response) => response.ok,
    () => false,
  )
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}

function verdict(good: boolean): string {
  return good ? 'ok' : 'OVER'
}

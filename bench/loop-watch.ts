/**
 * Preloaded into the server (`--import`): a line a second of the longest turn of its event loop, by the clock and by the
 * processor time it took, so that a machine busy with others can be told from a loop that computes.
 */

import { appendFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const LOOK_MS = 4
const TELL_MS = 1_000

function watch(path: string): void {
  let [wallMs, busyMs] = [0, 0]
  let [lastMs, lastBusyMs] = [performance.now(), processorMs()]
  setInterval(() => {
    const [nowMs, nowBusyMs] = [performance.now(), processorMs()]
    wallMs = Math.max(wallMs, nowMs - lastMs - LOOK_MS)
    busyMs = Math.max(busyMs, nowBusyMs - lastBusyMs)
    lastMs = nowMs
    lastBusyMs = nowBusyMs
  }, LOOK_MS).unref()
  setInterval(() => {
    appendFileSync(path, `${JSON.stringify({ atMs: Date.now(), wallMs, busyMs })}\n`)
    wallMs = 0
    busyMs = 0
  }, TELL_MS).unref()
}

/** Of this thread alone. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

const file = process.env.BENCH_LOOP_FILE
if (file !== undefined && isMainThread) watch(file)

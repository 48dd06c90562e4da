/**
 * How far a run gives way, for kernels that share the processor out between sessions first. A run has a session of its
 * own (`detached`), and where the kernel groups by them (sched(7), "The autogroup feature") `nice` weighs only inside
 * each: an encode at nice 10 would take as much as everything else together. The group has a nice value, too.
 */

import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** Anybody but root may say it ten times a second, all sessions together. */
const TRIES = 5
const AGAIN_MS = 150

/**
 * Gives the session of process `pid` the nice value `nice`, 0–19; never throws. Kernels without such groups, and control
 * groups, which take their place, need nothing of it.
 */
export async function niceSession(pid: number | undefined, nice: number): Promise<void> {
  if (pid === undefined || nice === 0 || process.platform !== 'linux') return
  for (let tries = 0; tries < TRIES; tries += 1) {
    try {
      return await writeFile(`/proc/${pid}/autogroup`, String(nice), { flag: 'r+' })
    } catch (error) {
      // No such groups, or the run has ended: there is nobody to give way.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      await sleep(AGAIN_MS, undefined, { ref: false })
    }
  }
}

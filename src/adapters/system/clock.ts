/** Time and randomness of this machine. */

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../ports.ts'

/** Longest wait a timer of Node takes; it fires at once beyond it. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const UID_BYTES = 16

/** The wall clock is read in whole milliseconds; beyond this it has been corrected, or the machine has slept. */
const DRIFT_US = 2_000

/** The real clock. */
export function systemClock(): Clock {
  // Microseconds: the monotonic clock's, counted from a reading of the wall clock.
  let originUs = Date.now() * 1000 - performance.now() * 1000
  const nowUs = (): number => {
    const sinceStartUs = performance.now() * 1000
    const wallUs = Date.now() * 1000
    if (Math.abs(originUs + sinceStartUs - wallUs) > DRIFT_US) originUs = wallUs - sinceStartUs
    return Math.floor(originUs + sinceStartUs)
  }
  return { nowUs, monotonicMs: () => performance.now(), sleep, newUid, newSecret }
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.min(Math.max(ms, 0), LONGEST_TIMER_MS))
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** Asking the system for random bytes costs more than anything else of a short answer: many are asked for at once. */
const spare = { bytes: Buffer.alloc(0), at: 0 }

function newUid(): string {
  if (spare.at === spare.bytes.length) Object.assign(spare, { bytes: randomBytes(UID_BYTES * 256), at: 0 })
  const uid = spare.bytes.toString('hex', spare.at, spare.at + UID_BYTES)
  spare.at += UID_BYTES
  return uid
}

function newSecret(bytes: number): string {
  return randomBytes(bytes).toString('base64url')
}

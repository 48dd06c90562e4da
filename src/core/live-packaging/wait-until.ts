/** Waiting for what a broadcast has not made yet. */

import type { Clock } from '../../ports.ts'
import type { LivePackage } from './live-package.ts'

export type WaitOptions = {
  readonly clock: Pick<Clock, 'sleep'>
  /** How long at most. */
  readonly ms: number
  readonly signal: AbortSignal
}

/**
 * Resolves with whether `isTrue` is, as soon as it is; else when the broadcast has ended, the time is over or `signal` is
 * aborted.
 */
export async function waitUntil(
  pack: LivePackage,
  isTrue: () => boolean,
  { clock, ms, signal }: WaitOptions,
): Promise<boolean> {
  if (isTrue() || pack.ended || signal.aborted) return isTrue()
  const over = new AbortController()
  const stop = () => over.abort(ENOUGH)
  const leave = pack.onChange(() => {
    if (isTrue() || pack.ended) stop()
  })
  signal.addEventListener('abort', stop, { once: true })
  try {
    await clock.sleep(ms, over.signal)
  } finally {
    leave()
    signal.removeEventListener('abort', stop)
  }
  return isTrue()
}

/** Given, since an error with its stack would be made for each of a crowd that waits. */
const ENOUGH = 'it is waited for no longer'

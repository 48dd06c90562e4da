/** How many requests a token may make; spec §2. Kept in memory: a restart forgives. */

import { HeadwaterError } from '../lib/failure.ts'
import type { Clock } from '../ports.ts'

const WINDOW_MS = 300_000
/** Tokens remembered at a time; beyond it windows that have ended are forgotten. */
const REMEMBER_COUNT = 10_000

/** Counts one request of a token. Throws `too_many_requests` with the time to wait. */
export type CountRequest = (tokenId: string) => void

/** Makes the counter: `limit` requests per five minutes and token, counted from the token's first; null = no limit. */
export function createRateLimit(clock: Clock, limit: number | null): CountRequest {
  if (limit === null) return () => undefined
  const windows = new Map<string, { endsMs: number; count: number }>()
  return (tokenId) => {
    const nowMs = clock.monotonicMs()
    let window = windows.get(tokenId)
    if (window === undefined || window.endsMs <= nowMs) {
      if (windows.size >= REMEMBER_COUNT) forgetEnded(windows, nowMs)
      window = { endsMs: nowMs + WINDOW_MS, count: 0 }
      windows.set(tokenId, window)
    }
    window.count += 1
    if (window.count <= limit) return
    const retryAfterSeconds = Math.min(30, Math.ceil((window.endsMs - nowMs) / 1000))
    throw new HeadwaterError('too_many_requests', `At most ${limit} requests per five minutes and token.`, {
      facts: { retryAfterSeconds },
    })
  }
}

function forgetEnded(windows: Map<string, { endsMs: number }>, nowMs: number): void {
  for (const [tokenId, { endsMs }] of windows) if (endsMs <= nowMs) windows.delete(tokenId)
}

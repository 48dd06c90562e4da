/** How the connection of an input or an output is, and how it was (live.md §3). */

import type { LiveProtocol } from '../../live-ports.ts'

/** Why a state was entered. */
export const LIVE_REASONS = [
  'connected',
  'reconnected',
  'reconnecting',
  'client_disconnect',
  'ttl_exceeded',
  'failed_to_connect',
  'failed_to_reconnect',
  'new_configuration_accepted',
] as const
export type LiveReason = (typeof LIVE_REASONS)[number]

export const LIVE_STATES = ['connected', 'disconnected'] as const
export type LiveState = (typeof LIVE_STATES)[number]

/** One state that was entered. */
export type LiveStatus = {
  readonly state: LiveState
  readonly reason: LiveReason
  /** Of the publisher; for an output the one it is sent by. */
  readonly protocol: LiveProtocol
  readonly enteredUs: number
  /** When it was last known to be so; null while disconnected. */
  readonly lastSeenUs: number | null
}

/** `history`: those before, newest first. */
export type LiveStatusHistory = { readonly current: LiveStatus; readonly history: readonly LiveStatus[] }

/** How many states are kept beside the current one (live.md §3). */
export const MOST_HISTORY = 20

/** The status of a live input or output as clients see it (live.md §3). */

import { z } from 'zod'
import {
  LIVE_REASONS,
  LIVE_STATES,
  type LiveStatus,
  type LiveStatusHistory,
} from '../core/live-inputs/index.ts'
import { formatTimestamp } from '../lib/timestamp.ts'

const time = z.iso.datetime()

const stateSchema = z.object({
  state: z.enum(LIVE_STATES),
  reason: z.enum(LIVE_REASONS).describe('Why the state was entered'),
  ingestProtocol: z.enum(['rtmp', 'srt', 'webrtc']),
  statusEnteredAt: time,
  statusLastSeen: time.nullable(),
})

/** null before the first connection. */
export const liveStatusSchema = z
  .object({ current: stateSchema, history: z.array(stateSchema).describe('Newest first, at most 20') })
  .nullable()

/** The status as clients see it. */
export function presentLiveStatus(status: LiveStatusHistory | null): z.output<typeof liveStatusSchema> {
  return status && { current: presentState(status.current), history: status.history.map(presentState) }
}

function presentState(status: LiveStatus): z.output<typeof stateSchema> {
  return {
    state: status.state,
    reason: status.reason,
    ingestProtocol: status.protocol,
    statusEnteredAt: formatTimestamp(status.enteredUs),
    statusLastSeen: status.lastSeenUs === null ? null : formatTimestamp(status.lastSeenUs),
  }
}

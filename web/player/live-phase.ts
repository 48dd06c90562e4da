/** Where a page for live stands, and what an answer of `lifecycle` makes of it (live.md §3.1, §4, §6); pure. */

/** The answer of `/<id>/lifecycle`, as far as it is looked at. */
export type Lifecycle = {
  /** The broadcast that runs, if it becomes a video. */
  readonly videoUID: string | null
  readonly live: boolean
  /** `reconnecting` while the publisher is away and may come back. */
  readonly status?: string
}

/**
 * `idle`: nothing has been broadcast yet · `live` · `away`: the publisher is, and may come back · `ending`: the broadcast
 * is over, and its rest is being shown · `ended`.
 */
export type LivePhase = 'idle' | 'live' | 'away' | 'ending' | 'ended'

export type LiveStanding = {
  readonly phase: LivePhase
  /** The video that the latest broadcast becomes; null where none is made of it. */
  readonly broadcast: string | null
}

/** How every page begins. */
export const NOT_STARTED: LiveStanding = { phase: 'idle', broadcast: null }

/** After an answer. `begins`: something is to be played that is not being played. */
export function afterAnswer(
  standing: LiveStanding,
  { live, videoUID, status }: Lifecycle,
): { readonly standing: LiveStanding; readonly begins: boolean } {
  const { phase, broadcast } = standing
  const running = phase === 'live' || phase === 'away'
  if (!live) return { standing: { phase: running ? 'ending' : phase, broadcast }, begins: false }
  // The end of the pictures is known before the end of the broadcast is: the same one does not begin again.
  const isOver = (phase === 'ended' || phase === 'ending') && videoUID !== null && videoUID === broadcast
  if (isOver) return { standing, begins: false }
  return {
    standing: { phase: status === 'reconnecting' ? 'away' : 'live', broadcast: videoUID },
    begins: !running || videoUID !== broadcast,
  }
}

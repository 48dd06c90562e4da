/** A session of WHIP or WHEP between the server, which keeps it, and what opens it. */

import type { Log } from '../../lib/log.ts'
import type { LiveDoor, RtcSession } from '../../live-ports.ts'
import type { ConnectionDeps } from './rtc-connection.ts'

/** A session as the server keeps it. */
export type KeptSession = RtcSession & {
  readonly tick: (nowMs: number) => void
  /** A viewer asks the publisher of this input for a key frame; nothing where it is another's. */
  readonly askKeyFrame: (inputUid: string) => void
  /** Ends it without being asked to, when the server stops. */
  readonly abandon: () => void
}

/** What opening a session needs. */
export type OpenDeps = {
  readonly door: LiveDoor
  readonly log: Log
  readonly connection: ConnectionDeps
  readonly newId: () => string
  /** Forgets the session. */
  readonly onEnd: (id: string) => void
  readonly askKeyFrame: (inputUid: string) => void
}

/** What the composition root needs of WebRTC. */

import type { Log } from '../../lib/log.ts'
import type { LiveDoor, LiveServer, RtcServer } from '../../live-ports.ts'
import { createRtcServer } from './rtc-server.ts'

/** Its settings. */
export type RtcSettings = {
  /** null: off. */
  readonly webrtcPort: number | null
  readonly host: string
  readonly webrtcAddresses: readonly string[] | null
  readonly webrtcConnections: number
}

/**
 * A server that opens when the role does, and how HTTP finds it from then on. Throws what the system says when its port is
 * taken.
 */
export function prepareRtc(
  settings: RtcSettings,
  log: Log,
): { readonly open: (door: LiveDoor) => Promise<LiveServer>; readonly rtc: () => RtcServer | undefined } {
  let server: RtcServer | undefined
  return {
    rtc: () => server,
    open: async (door) => {
      if (settings.webrtcPort === null) return { ports: {}, close: () => Promise.resolve() }
      server = await createRtcServer({
        door,
        log,
        port: settings.webrtcPort,
        host: settings.host,
        announced: settings.webrtcAddresses ?? [],
        maxSessions: settings.webrtcConnections,
      })
      return server
    },
  }
}

/** What speaks the protocols of broadcasts: those who listen for publishers and players, and those who send to outputs. */

import { createRtmpSender, openRtmp } from '../adapters/rtmp/index.ts'
import { createSrt } from '../adapters/srt/index.ts'
import { childEnvironment } from '../config/child-environment.ts'
import type { Settings } from '../config/settings.ts'
import type { Log } from '../lib/log.ts'
import type { LiveSender } from '../live-ports.ts'
import type { Clock } from '../ports.ts'
import type { OpenLiveServer } from '../roles/live.ts'

export type LiveProtocols = {
  readonly servers: readonly OpenLiveServer[]
  readonly senders: readonly LiveSender[]
  /** Ends what they have started; a second time nothing happens. */
  stop(): Promise<void>
}

export type LiveProtocolDeps = {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
}

/** Creates them; nothing listens yet. */
export function createLiveProtocols({ settings, clock, log }: LiveProtocolDeps): LiveProtocols {
  const { host, srtPort } = settings
  const srt = createSrt({ log, environment: childEnvironment() })
  return {
    servers: [
      (door) => openRtmp({ ...settings, door, clock, log }),
      (door) => srt.listen(door, { host, port: srtPort }),
    ],
    senders: [createRtmpSender(), srt.sender],
    stop: () => srt.stop(),
  }
}

/** RTMP and RTMPS: the server for publishers and players behind `LiveServer`, and the `LiveSender` for outputs. */

import type { Log } from '../../lib/log.ts'
import type { LiveDoor, LiveServer } from '../../live-ports.ts'
import type { Clock } from '../../ports.ts'
import { openCertificate } from './certificate.ts'
import { openRtmpServer } from './server.ts'

export { createRtmpSender } from './sender.ts'

/** What the servers listen on, by the names of the settings. */
export type RtmpOptions = {
  readonly door: LiveDoor
  readonly log: Log
  readonly clock: Pick<Clock, 'nowUs'>
  readonly host: string
  readonly dataDir: string
  readonly rtmpPort: number | null
  readonly rtmpsPort: number | null
  /** Paths, both or neither. */
  readonly rtmpsCert: string | null
  readonly rtmpsKey: string | null
}

/**
 * Listens on the ports that are not closed. Throws `setting_invalid` for a certificate that is none, and for a port that is
 * taken.
 */
export async function openRtmp(options: RtmpOptions): Promise<LiveServer> {
  const { rtmpsCert: certificate, rtmpsKey: key, rtmpPort: port, rtmpsPort, dataDir, clock } = options
  const files = certificate === null || key === null ? null : { certificate, key }
  const readCertificate = async () =>
    await openCertificate({ dataDir, files, nowMs: Math.floor(clock.nowUs() / 1000) })
  return await openRtmpServer({
    ...options,
    port,
    rtmps: rtmpsPort === null ? null : { port: rtmpsPort, readCertificate },
  })
}

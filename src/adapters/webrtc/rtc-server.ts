/**
 * The server of WHIP and WHEP behind HTTP: opens sessions, keeps them, ends them. Its library is loaded with the program: with
 * the first session everybody else would wait 25 ms for it.
 */

import { randomBytes } from 'node:crypto'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { LiveDoor, RtcServer, RtcSession } from '../../live-ports.ts'
import type { KeptSession, OpenDeps } from './kept-session.ts'
import { openPlay } from './open-play.ts'
import { openPublish } from './open-publish.ts'
import { createCertificate } from './own-certificate.ts'
import { RtcSocket } from './rtc-socket.ts'

export type RtcServerOptions = {
  readonly door: LiveDoor
  readonly log: Log
  /** UDP; 0 picks a free one. */
  readonly port: number
  readonly host: string
  /** Addresses to hand out besides the machine's own, such as the one outside its NAT. */
  readonly announced: readonly string[]
  /** Connections at a time. */
  readonly maxSessions: number
}

const TICK_MS = 500

/** Opens the socket. Throws what the system says when the port is taken. */
export async function createRtcServer(
  options: RtcServerOptions,
): Promise<RtcServer & { readonly remembered: () => number }> {
  const { door, log, announced } = options
  const socket = await RtcSocket.open(options.port, options.host)
  const sessions = new Map<string, KeptSession>()
  let opening = 0
  const deps: OpenDeps = {
    connection: { socket, announced, certificate: await createCertificate() },
    door,
    log,
    newId: () => randomBytes(16).toString('hex'),
    onEnd: (id) => sessions.delete(id),
    askKeyFrame: (inputUid) => {
      for (const session of sessions.values()) session.askKeyFrame(inputUid)
    },
  }
  const keep = async (open: () => Promise<KeptSession>): Promise<RtcSession> => {
    if (sessions.size + opening >= options.maxSessions) {
      throw new HeadwaterError(
        'rtc_too_many_sessions',
        `${options.maxSessions} WebRTC connections are open, which is the most; try again later.`,
      )
    }
    opening += 1
    try {
      const session = await open()
      sessions.set(session.id, session)
      return session
    } finally {
      opening -= 1
    }
  }
  const timer = setInterval(() => {
    const nowMs = performance.now()
    for (const session of sessions.values()) session.tick(nowMs)
  }, TICK_MS)
  return {
    ports: { webrtc: socket.port },
    publish: (request) => keep(() => openPublish(deps, request)),
    play: (request) => keep(() => openPlay(deps, request)),
    find: (id) => sessions.get(id),
    remembered: () => sessions.size + socket.remembered,
    close: async () => {
      clearInterval(timer)
      for (const session of sessions.values()) session.abandon()
      sessions.clear()
      await socket.close()
    },
  }
}

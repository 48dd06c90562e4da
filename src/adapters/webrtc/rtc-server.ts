/** The server of WHIP and WHEP behind HTTP: opens sessions, keeps them, ends them. */

import { randomBytes } from 'node:crypto'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { LiveDoor, RtcServer, RtcSession } from '../../live-ports.ts'
import type { KeptSession, OpenDeps } from './kept-session.ts'
import type { openPlay as OpenPlay } from './open-play.ts'
import type { openPublish as OpenPublish } from './open-publish.ts'
import type { ConnectionDeps } from './rtc-connection.ts'
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

/** What sessions need, loaded with the first: a program that nobody comes to by WebRTC starts without 40 MB of library. */
type Loaded = {
  readonly openPublish: typeof OpenPublish
  readonly openPlay: typeof OpenPlay
  readonly connection: ConnectionDeps
}

async function load(deps: Omit<ConnectionDeps, 'certificate'>): Promise<Loaded> {
  const [{ openPublish }, { openPlay }, { createCertificate }] = await Promise.all([
    import('./open-publish.ts'),
    import('./open-play.ts'),
    import('./own-certificate.ts'),
  ])
  return { openPublish, openPlay, connection: { ...deps, certificate: await createCertificate() } }
}

/** Opens the socket. Throws what the system says when the port is taken. */
export async function createRtcServer(
  options: RtcServerOptions,
): Promise<RtcServer & { readonly remembered: () => number }> {
  const { door, log, announced } = options
  const socket = await RtcSocket.open(options.port, options.host)
  const sessions = new Map<string, KeptSession>()
  let opening = 0
  let loading: Promise<Loaded> | undefined
  const deps: Omit<OpenDeps, 'connection'> = {
    door,
    log,
    newId: () => randomBytes(16).toString('hex'),
    onEnd: (id) => sessions.delete(id),
    askKeyFrame: (inputUid) => {
      for (const session of sessions.values()) session.askKeyFrame(inputUid)
    },
  }
  const keep = async (open: (loaded: Loaded) => Promise<KeptSession>): Promise<RtcSession> => {
    if (sessions.size + opening >= options.maxSessions) {
      throw new HeadwaterError(
        'rtc_too_many_sessions',
        `${options.maxSessions} WebRTC connections are open, which is the most; try again later.`,
      )
    }
    opening += 1
    try {
      loading ??= load({ socket, announced })
      const session = await open(await loading)
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
    publish: (request) =>
      keep(({ openPublish, connection }) => openPublish({ ...deps, connection }, request)),
    play: (request) => keep(({ openPlay, connection }) => openPlay({ ...deps, connection }, request)),
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

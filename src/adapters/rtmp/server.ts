/** The RTMP and RTMPS servers that publishers and players of broadcasts come to (live.md §2, §6). */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { LiveDoor, LiveServer } from '../../live-ports.ts'
import { CALLER_LIMITS, type CallerLimits, Callers } from './callers.ts'
import type { Certificate } from './certificate.ts'
import { Session, SESSION_LIMITS, type SessionLimits } from './session.ts'

export type RtmpServerOptions = {
  readonly door: LiveDoor
  readonly log: Log
  readonly host: string
  /** 0 = a free one; null: closed. */
  readonly port: number | null
  /** `readCertificate` is asked again from time to time. */
  readonly rtmps: { readonly port: number; readonly readCertificate: () => Promise<Certificate> } | null
  /** For tests. */
  readonly limits?: Partial<SessionLimits & CallerLimits>
}

/** How often sessions are asked whether they take too long. */
const CHECK_MS = 250
/** How often it is looked whether the certificate was renewed. */
const RENEW_MS = 3_600_000

/** Listens on both ports. Throws `setting_invalid` when one of them is taken. */
export async function openRtmpServer(options: RtmpServerOptions): Promise<LiveServer> {
  const server = new RtmpServer(options)
  try {
    await server.listen()
  } catch (error) {
    await server.close()
    throw error
  }
  return server
}

class RtmpServer implements LiveServer {
  readonly ports: Record<string, number> = {}
  readonly #options: RtmpServerOptions
  readonly #limits: SessionLimits & CallerLimits
  readonly #callers: Callers
  readonly #sessions = new Set<Session>()
  readonly #servers: Server[] = []
  #timer: ReturnType<typeof setInterval> | undefined
  #renewal: ReturnType<typeof setInterval> | undefined

  constructor(options: RtmpServerOptions) {
    this.#options = options
    this.#limits = { ...SESSION_LIMITS, ...CALLER_LIMITS, ...options.limits }
    this.#callers = new Callers(this.#limits)
  }

  async listen(): Promise<void> {
    const { port, rtmps } = this.#options
    if (port !== null) {
      await this.#open('rtmp', port, (socket) => socket)
    }
    if (rtmps !== null) await this.#openEncrypted(rtmps)
    this.#timer = setInterval(() => {
      const nowMs = performance.now()
      for (const session of this.#sessions) session.checkTime(nowMs)
    }, CHECK_MS)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    clearInterval(this.#renewal)
    const closed = this.#servers.splice(0).map(async (server) => {
      server.close()
      await once(server, 'close')
    })
    for (const session of this.#sessions) session.stop()
    this.#callers.destroy()
    await Promise.all(closed)
  }

  async #openEncrypted({ port, readCertificate }: NonNullable<RtmpServerOptions['rtmps']>): Promise<void> {
    let secureContext = await readContext(readCertificate)
    // The session's time for its handshake is for both, and a failure of this one is the session's, too.
    await this.#open('rtmps', port, (socket) => encrypt(socket, secureContext))
    this.#renewal = setInterval(() => {
      readContext(readCertificate).then(
        (renewed) => {
          secureContext = renewed
        },
        (error: unknown) =>
          this.#options.log.warn({ err: error }, 'the certificate of RTMPS stays as it was'),
      )
    }, RENEW_MS)
  }

  /** `wrap`: what is read of a connection. */
  async #open(name: string, port: number, wrap: (socket: Socket) => Socket): Promise<void> {
    const server = createServer((socket) => {
      if (this.#callers.add(socket)) this.#begin(socket, wrap(socket))
    })
    server.listen(port, this.#options.host)
    await once(server, 'listening').catch((error: unknown) => {
      throw cannotListen(error, `${this.#options.host} port ${port}`, `HEADWATER_${name.toUpperCase()}_PORT`)
    })
    server.on('error', (error) => this.#options.log.error({ err: error }, `${name} server`))
    this.#servers.push(server)
    this.ports[name] = (server.address() as AddressInfo).port
  }

  #begin(counted: Socket, socket: Socket): void {
    const { door, log } = this.#options
    const session = new Session(socket, {
      door,
      log,
      remote: counted.remoteAddress ?? '',
      limits: this.#limits,
      onAccepted: () => this.#callers.welcome(counted),
    })
    this.#sessions.add(session)
    socket.once('close', () => this.#sessions.delete(session))
  }
}

function encrypt(socket: Socket, secureContext: SecureContext): TLSSocket {
  const encrypted = new TLSSocket(socket, { isServer: true, secureContext })
  // Each costs us more than whoever asks for it.
  encrypted.disableRenegotiation()
  return encrypted
}

async function readContext(readCertificate: () => Promise<Certificate>): Promise<SecureContext> {
  const { certificate, key } = await readCertificate()
  return createSecureContext({ cert: certificate, key, minVersion: 'TLSv1.2' })
}

function cannotListen(error: unknown, where: string, setting: string): HeadwaterError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  const why = code === 'EADDRINUSE' ? 'another program listens there' : code
  return new HeadwaterError(
    'setting_invalid',
    `Cannot listen on ${where}: ${why}; choose another ${setting}, or "off" to do without it.`,
    { cause: error },
  )
}

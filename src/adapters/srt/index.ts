/**
 * SRT, by Debian's libsrt in a process of our own: broadcasts published, played, and sent to other servers. Where the library
 * is missing SRT is off, which the log and `headwater doctor` say.
 */

import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { LiveDoor, LiveSender, LiveServer } from '../../live-ports.ts'
import type { SrtFound } from './life.ts'
import { createSrtSender } from './sender.ts'
import { createSrtServer, SrtCallerDesk, type SrtPlace } from './server.ts'
import { REJECT } from './handshake.ts'
import { SRT_PACKAGE, SrtProcess } from './srt-process.ts'

export { SRT_PACKAGE } from './srt-process.ts'
export type { SrtFound } from './life.ts'

export type SrtDeps = {
  readonly log: Log
  /** Of the process: without our own settings. */
  readonly environment: Readonly<Record<string, string>>
}

/** SRT of one server; its process is started when it is first needed. */
export type Srt = {
  readonly sender: LiveSender
  /**
   * Opens the server; `port` null: it listens nowhere. Where the port is known its process, which takes as long to start as
   * the whole server, is not waited for. Throws `setting_invalid` when the port cannot be had.
   */
  listen(door: LiveDoor, place: { host: string; port: number | null }): Promise<LiveServer>
  /** Of the process at this moment, for tests that kill it. */
  readonly pid: number | undefined
  /** Ends the process; nothing is sent any more. */
  stop(): Promise<void>
}

/** Creates it; nothing runs yet. */
export function createSrt({ log, environment }: SrtDeps): Srt {
  let desk: SrtCallerDesk | undefined
  const process = new SrtProcess({
    log,
    environment,
    callers: {
      ask: async (caller) => (await desk?.ask(caller)) ?? { reject: REJECT.unavailable },
      opened: (connection, caller) => (desk ? desk.opened(connection, caller) : connection.hangUp()),
    },
  })
  const stop = () => process.stop()
  /** Listens and says where, or why not. */
  const open = async (host: string, port: number): Promise<SrtPlace> => {
    const found = await process.start()
    if ('missing' in found) {
      log.warn({ why: found.missing }, `SRT is off: ${LIBRARY_MISSING}`)
      return { port: null, off: LIBRARY_MISSING }
    }
    try {
      const { address } = await lookup(host)
      return { port: await process.listen(address, port), off: null }
    } catch (error) {
      await stop()
      throw error
    }
  }
  return {
    sender: createSrtSender(process),
    get pid() {
      return process.pid
    },
    async listen(door, { host, port }) {
      const opened = new SrtCallerDesk({ door, log })
      desk = opened
      if (port === null) return createSrtServer(opened, { port: null, off: null })
      if (port !== 0) await requireFree(host, port)
      const opening = open(host, port)
      if (port === 0) return createSrtServer(opened, await opening)
      const place: SrtPlace = { port, off: null }
      opening.then(
        (found) => Object.assign(place, found),
        (err: unknown) => {
          log.error({ err, port }, 'SRT is off: its port could not be opened')
          Object.assign(place, { port: null, off: 'its port could not be opened' })
        },
      )
      return createSrtServer(opened, place)
    },
    stop,
  }
}

/**
 * Throws `setting_invalid` when somebody else has the UDP port, or it may not be had. The process of a server that was killed
 * a moment ago is still about to end, and is waited for.
 */
async function requireFree(host: string, port: number): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const cause = await bindOnce(host, port)
    if (cause === undefined) return
    if (tries < MOST_TRIES) {
      await setTimeout(TRY_AGAIN_MS)
      continue
    }
    throw new HeadwaterError(
      'setting_invalid',
      `HEADWATER_SRT_PORT is ${port}, which cannot be listened on (${cause.message}); expected a free UDP port, 0 for any, or off.`,
      { facts: { port }, cause },
    )
  }
}

/** Why the port cannot be had; undefined when it can. */
async function bindOnce(host: string, port: number): Promise<Error | undefined> {
  const { address, family } = await lookup(host)
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  try {
    socket.bind({ address, port, exclusive: true })
    await once(socket, 'listening')
    return undefined
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  } finally {
    socket.close()
  }
}

const LIBRARY_MISSING = `its library is missing; install the package ${SRT_PACKAGE}, or set HEADWATER_SRT_PORT=off`
const MOST_TRIES = 20
const TRY_AGAIN_MS = 100

/** What of SRT is there, for `headwater doctor`. */
export async function findSrt(environment: Readonly<Record<string, string>>, log: Log): Promise<SrtFound> {
  const process = new SrtProcess({
    log,
    environment,
    callers: {
      ask: async () => ({ reject: REJECT.unavailable }),
      opened: (connection) => connection.hangUp(),
    },
  })
  try {
    return await process.start()
  } finally {
    await process.stop()
  }
}

/**
 * The `live` role: the servers that publishers and players of broadcasts come to. Who may come in, and what becomes of what
 * is published, is said by the broadcasts behind the door.
 */

import type { Log } from '../lib/log.ts'
import type { LiveDoor, LiveServer } from '../live-ports.ts'
import type { ByteRoute } from '../http/route.ts'
import type { Role } from './role.ts'

/** Opens the server of a protocol on its ports; one that is switched off listens on none. */
export type OpenLiveServer = (door: LiveDoor) => Promise<LiveServer>

/** What has to be there before anybody comes in, and ends after everybody has gone. */
export type Broadcasting = {
  readonly door: LiveDoor
  /** Takes up what a crash or a stop has left. */
  start(): Promise<void>
  /** Running broadcasts wait for the next start, as after a lost connection. */
  stop(): Promise<void>
}

export type LiveRoleDeps = {
  readonly log: Log
  readonly broadcasting: Broadcasting
  readonly servers: readonly OpenLiveServer[]
  readonly routes?: readonly ByteRoute[]
}

/** The role, and what its servers listen on once it is started. */
export type LiveRole = Role & {
  readonly ports: Readonly<Record<string, number>>
  /** Why what is wanted is off all the same. */
  readonly off: Readonly<Record<string, string>>
}

/** Creates the role. */
export function createLiveRole(deps: LiveRoleDeps): LiveRole {
  const { broadcasting, log } = deps
  const open: LiveServer[] = []
  return {
    name: 'live',
    routes: deps.routes ?? [],
    get ports() {
      return Object.assign({}, ...open.map((server) => server.ports)) as Record<string, number>
    },
    get off() {
      return Object.assign({}, ...open.map((server) => server.off ?? {})) as Record<string, string>
    },
    async start() {
      await broadcasting.start()
      try {
        for (const openServer of deps.servers) open.push(await openServer(broadcasting.door))
      } catch (error) {
        await this.stop()
        throw error
      }
      log.info({ ports: this.ports }, 'live')
    },
    async stop() {
      for (const server of open.splice(0).toReversed()) await server.close()
      await broadcasting.stop()
    },
  }
}

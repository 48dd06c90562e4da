/** What a process does; several roles share one process, one listener and one database. */

import type { ByteRoute } from '../http/route.ts'

/** A role with a life. Both calls are awaited; `stop` may be called twice. */
export interface Role {
  readonly name: 'api' | 'delivery' | 'worker' | 'live'
  /** What it answers over HTTP beside the JSON API. */
  readonly routes: readonly ByteRoute[]
  start(): Promise<void>
  stop(): Promise<void>
}

/** What programs of the operator's are started with. */

import type { Environment } from './settings.ts'

/** The environment of this process without our own settings, among which are secrets. */
export function childEnvironment(env: Environment = process.env): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value === undefined || name.startsWith('HEADWATER_') ? [] : [[name, value]],
    ),
  )
}

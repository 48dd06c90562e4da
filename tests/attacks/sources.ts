/** Good files by name, for attacks that are made of them. */

import { makeMediaSources } from '../fuzz/media-sources.ts'

/** The twenty small sources. */
export type AttackSources = {
  readonly names: readonly string[]
  /** Throws for a name that is none of them. */
  get(name: string): Uint8Array
}

/** Makes them, if they are not there. */
export async function openAttackSources(): Promise<AttackSources> {
  const sources = new Map((await makeMediaSources()).map(({ name, bytes }) => [name, bytes]))
  return {
    names: [...sources.keys()],
    get(name) {
      const bytes = sources.get(name)
      if (bytes === undefined) throw new Error(`no source ${name}`)
      return bytes
    },
  }
}

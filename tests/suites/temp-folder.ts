/** A fresh folder for one test. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a folder; `remove` deletes it with everything in it. */
export async function tempFolder(parent = tmpdir()): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(parent, 'headwater-test-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

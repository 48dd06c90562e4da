/** The real decoder in the best cage this machine has, which is looked for once in a test process. */

import { createDecoder, createLiveDecoder, findCage, findFfmpeg } from '../../src/adapters/ffmpeg/index.ts'
import { type Log, silentLog } from '../../src/lib/log.ts'
import type { Blobs, Decoder, LiveDecoder } from '../../src/ports.ts'

let found: Promise<Pick<Parameters<typeof createDecoder>[0], 'build' | 'cage'>> | undefined

/** `workDir`: a folder of its own. */
export async function openDecoder(blobs: Blobs, workDir: string, log: Log = silentLog): Promise<Decoder> {
  found ??= find(workDir)
  return await createDecoder({ ...(await found), blobs, workDir, log })
}

/** The same for broadcasts. */
export async function openLiveDecoder(workDir: string, log: Log = silentLog): Promise<LiveDecoder> {
  found ??= find(workDir)
  return await createLiveDecoder({ ...(await found), workDir, log })
}

/** The same, found when it is first used: most servers of tests need none, and asking ffmpeg what it can takes a while. */
export function lateDecoder(blobs: Blobs, workDir: string): Pick<Decoder, 'run'> {
  let made: Promise<Decoder> | undefined
  return { run: async (task, options) => (await (made ??= openDecoder(blobs, workDir))).run(task, options) }
}

async function find(folder: string) {
  const build = await findFfmpeg()
  return { build, cage: await findCage({ program: build.path, folder, mode: 'auto' }) }
}

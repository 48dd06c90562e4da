/** The real decoder, found when it is first used: most servers of tests need none, and asking ffmpeg what it can takes a while. */

import { createDecoder, findFfmpeg } from '../../src/adapters/ffmpeg/index.ts'
import { silentLog } from '../../src/lib/log.ts'
import type { Blobs, Decoder } from '../../src/ports.ts'

/** `workDir`: a folder of its own. */
export function lateDecoder(blobs: Blobs, workDir: string): Pick<Decoder, 'run'> {
  let made: Promise<Decoder> | undefined
  const make = async () => createDecoder({ build: await findFfmpeg(), blobs, workDir, log: silentLog })
  return { run: async (task, options) => (await (made ??= make())).run(task, options) }
}

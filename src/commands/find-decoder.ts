/** What the decoder can and the cage that this system offers for it, asked at the same time. */

import { type Cage, findCage, findFfmpeg } from '../adapters/ffmpeg/index.ts'
import { dataFolder } from '../config/data-folder.ts'
import type { Settings } from '../config/settings.ts'
import type { DecoderBuild } from '../ports.ts'

/** The decoder of a start. */
export type FoundDecoder = { readonly build: DecoderBuild; readonly cage: Cage }

/** Finds both. Throws `decoder_missing`, or `setting_invalid` where the whole cage is required and something is missing. */
export async function findDecoder({ ffmpeg, cage: mode, dataDir }: Settings): Promise<FoundDecoder> {
  const folder = dataFolder(dataDir).workFolder
  const cages = new Map<string, Promise<Cage>>()
  const build = await findFfmpeg({
    path: ffmpeg,
    onAsk(program) {
      const finding = findCage({ program, folder, mode })
      // What becomes of it matters only if this program is the one.
      finding.catch(() => undefined)
      cages.set(program, finding)
    },
  })
  const cage = await (cages.get(build.path) ?? findCage({ program: build.path, folder, mode }))
  return { build, cage }
}

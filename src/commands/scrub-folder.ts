/** A scrub without a server: the composition root of what it needs of the data folder, which stays locked meanwhile. */

import { pino } from 'pino'
import { dataFolder } from '../config/data-folder.ts'
import type { Settings } from '../config/settings.ts'
import { openFolder } from './open-folder.ts'
import type { RunningScrub, ScrubRequest } from './running-scrub.ts'

/** Opens the folder and begins. Throws `folder_in_use` while a server works on it, or a sentence when ffmpeg is missing. */
export async function openFolderScrub(settings: Settings, request: ScrubRequest): Promise<RunningScrub> {
  const [
    ffmpeg,
    { openFolderBlobs },
    { createThread },
    { createPlanner },
    { Scrub },
    { createJobTable },
    api,
  ] = await Promise.all([
    import('../adapters/ffmpeg/index.ts'),
    import('../adapters/folder/blobs.ts'),
    import('../adapters/threads/work-thread.ts'),
    import('../core/planning/index.ts'),
    import('../core/scrub/index.ts'),
    import('../jobs/job-table.ts'),
    import('../http/api/scrub.ts'),
  ])
  const log = pino({ level: 'silent' })
  const build = await ffmpeg.findFfmpeg({ path: settings.ffmpeg })
  const { blobsFolder, workFolder } = dataFolder(settings.dataDir)
  const folder = await openFolder(settings)
  const { db, clock } = folder
  const blobs = await openFolderBlobs({ folder: blobsFolder })
  const search = { program: build.path, folder: workFolder, mode: settings.cage }
  const cage = await ffmpeg.findCage(search)
  const decoder = await ffmpeg.createDecoder({ build, blobs, cage, workDir: workFolder, log })
  const thread = createThread({ blobs, module: new URL('./index-thread.ts', import.meta.url) })
  const jobs = createJobTable({ db, clock })
  const planner = createPlanner(thread)
  const { repair, megabytesPerSecond } = request
  const scrub = new Scrub(
    // The next server to start looks whether its ffmpeg is another one.
    { db, blobs, jobs, clock, decoder, planner, log, build: null },
    {
      repair,
      bytesPerSecond: megabytesPerSecond === undefined ? null : megabytesPerSecond * 1e6,
      // Nobody else writes here: what has no record gets none any more.
      straysBeforeUs: Number.POSITIVE_INFINITY,
    },
  )
  const stopping = new AbortController()
  const ended = scrub.run(stopping.signal)
  const stop = async (): Promise<void> => {
    stopping.abort()
    await ended
  }
  return {
    look: async (after) => api.presentScrub(scrub.report(), after),
    stop,
    close: async () => {
      await stop()
      await thread.stop()
      await blobs.close()
      await folder.close()
    },
  }
}

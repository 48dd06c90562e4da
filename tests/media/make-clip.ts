/** From a file to a video, and from a video to a clip of it, with all their jobs. */

import { createClip } from '../../src/core/clips/index.ts'
import { ACCOUNT, type Engine } from './engine.ts'

/** A source that was ingested, and of which so many encode jobs have run. */
export async function addSource(
  engine: Engine,
  file: string,
  encodeJobs = Number.POSITIVE_INFINITY,
): Promise<string> {
  const uid = await engine.addSource(file)
  await engine.ingest(uid)
  await engine.encode(encodeJobs)
  return uid
}

/** Cuts a clip and makes all of it; answers its uid and the encode jobs that it took. */
export async function clip(
  engine: Engine,
  sourceUid: string,
  [startSeconds, endSeconds]: readonly [number, number],
  watermark?: string,
) {
  const { uid } = await createClip(engine, {
    accountId: ACCOUNT,
    sourceUid,
    startSeconds,
    endSeconds,
    fields: {},
    ...(watermark === undefined ? {} : { watermark }),
  })
  const job = await engine.claim('clip')
  if (job?.videoUid !== uid) throw new Error('the wrong clip job was claimed')
  await engine.run(job)
  const jobs = await engine.encode()
  return { uid, jobs }
}

/**
 * A clip: a video whose timeline is a window on another's. Its plan names the media of that video and its chunks lie in
 * that video's blobs, as far as whole segments go; only where it begins and ends inside of a segment something is
 * encoded. What a crash may leave of making one: an init segment without a row (swept), and the job, claimed again.
 */

import type { Jobs } from '../../jobs/job.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Blobs, Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import type { UploadLimits } from '../uploads/index.ts'

/** Kind of the jobs that make them. */
export const CLIP_KIND = 'clip'

/** What a job is to cut: whole seconds of the source. */
export type ClipPayload = {
  readonly uid: string
  readonly sourceUid: string
  readonly startSeconds: number
  readonly endSeconds: number
  /** Whether the clip has a watermark of its own; then it is burnt into every picture. */
  readonly marked: boolean
}

/** What asking for one takes. */
export type ClipDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
  readonly limits: UploadLimits
}

/** What a clip says whose source was deleted before it was cut. */
export function sourceGone(): HeadwaterError {
  return new HeadwaterError('not_found', 'The video that it was to be cut from was deleted before that.')
}

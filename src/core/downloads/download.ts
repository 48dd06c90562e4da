/** A file of a video that may be kept: what it is, and which videos have one (api.md §8, media.md §5). */

import type { BlobName } from '../../ports.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Plan } from '../planning/index.ts'
import type { Body } from '../playback/index.ts'
import type { Video } from '../videos/index.ts'

/** `default`: the best picture with its sound; `audio`: the sound alone. */
export type DownloadType = 'default' | 'audio'

export type Download = {
  /** Another one each time the file is made again. */
  readonly id: string
  readonly videoUid: string
  readonly type: DownloadType
  readonly state: 'inprogress' | 'ready' | 'error'
  /** 0–100, whole; 0 as long as what it is made of is still being encoded. */
  readonly percentComplete: number
  /** null until `ready`. */
  readonly blob: { readonly name: BlobName; readonly sizeBytes: number } | null
}

/** A file to send. */
export type OpenedDownload = {
  readonly body: Body
  readonly contentType: string
  /** With its dot; may be empty. */
  readonly extension: string
  /** Quoted, strong. */
  readonly etag: string
}

/** Name and type of each file in its address (playback.md §1). */
export const DOWNLOAD_FILES = {
  default: { name: 'default.mp4', extension: '.mp4', contentType: 'video/mp4' },
  audio: { name: 'audio.m4a', extension: '.m4a', contentType: 'audio/mp4' },
} as const satisfies Record<DownloadType, { name: string; extension: string; contentType: string }>

/** Recordings that are longer have no downloads. */
const LONGEST_RECORDING_SECONDS = 4 * 3600

/** Throws `conflict` while the video is not ready, `bad_request` for a video that cannot have this file. */
export function checkDownloadable(
  video: Video,
  { plan, addedSounds }: { readonly plan: Plan | undefined; readonly addedSounds: number },
  type: DownloadType,
): void {
  if (video.state !== 'ready' || plan === undefined) {
    throw new HeadwaterError('conflict', `The video must be ready; it is ${video.state}.`, {
      facts: { uid: video.uid, state: video.state },
    })
  }
  if (video.liveInput !== null && (video.durationSeconds ?? 0) > LONGEST_RECORDING_SECONDS) {
    throw new HeadwaterError(
      'bad_request',
      'Recordings longer than 4 hours cannot be downloaded; a clip of one can.',
      { facts: { uid: video.uid, durationSeconds: video.durationSeconds } },
    )
  }
  if (type === 'audio' && plan.audio === null && addedSounds === 0) {
    throw new HeadwaterError('bad_request', 'The video has no sound, so there is no audio file of it.', {
      facts: { uid: video.uid },
    })
  }
}

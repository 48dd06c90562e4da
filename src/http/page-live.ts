/** What player pages are told about live inputs, and about videos that are being broadcast. */

import { getLiveInput, type LiveInput } from '../core/live-inputs/index.ts'
import type { Video } from '../core/videos/index.ts'
import type { LiveProtocol } from '../live-ports.ts'
import type { Db } from '../tables.ts'
import { type PageLive, type PageStatus, presentStatus } from './page-status.ts'

/** What pages ask of the broadcasts of this process: by the uid of an input, or of the video that is made. */
export type PageBroadcasts = {
  findBroadcast(uid: string): { readonly protocol: LiveProtocol } | undefined
}

/** Who may show broadcasts of an input by its own id; none = any page. */
export function originsOf({ recording }: LiveInput): readonly string[] {
  return recording.allowedOrigins ?? []
}

/** Where an input stands. */
export function presentInput(input: LiveInput, broadcasts: PageBroadcasts | undefined): PageStatus {
  const broadcast = broadcasts?.findBroadcast(input.uid)
  const running = broadcast !== undefined
  return {
    state: running ? 'live-inprogress' : 'idle',
    playable: running,
    pctComplete: null,
    complete: false,
    sentence: running ? 'The broadcast is running.' : 'Stream has not started yet.',
    advice: null,
    durationSeconds: null,
    width: null,
    height: null,
    live: { isInput: true, running, ...describeWays(input), realTime: broadcast?.protocol === 'webrtc' },
  }
}

/** Where a video stands, which may be the recording of a broadcast that is running. */
export async function presentVideoStatus(db: Db, video: Video, early: boolean): Promise<PageStatus> {
  const status = presentStatus(video, early)
  if (video.state !== 'live-inprogress') return status
  const input = video.liveInput === null ? undefined : await getLiveInput(db, video.liveInput)
  const ways = input === undefined ? { lowLatency: false } : describeWays(input)
  // A video has no address for WebRTC, and HLS as long as it is made.
  return { ...status, live: { isInput: false, running: true, ...ways, hls: true, realTime: false } }
}

function describeWays(input: LiveInput): Pick<PageLive, 'hls' | 'lowLatency'> {
  return { hls: input.recording.mode === 'automatic', lowLatency: input.preferLowLatency }
}

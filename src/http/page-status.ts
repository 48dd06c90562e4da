/**
 * What a player page is told about a video: the small public answer of `/<uid>/headwater/status.json`, which is also
 * written into the page itself. No secrets, nothing a viewer of the page may not know.
 */

import type { Video, VideoState } from '../core/videos/index.ts'
import { presentFailure } from './present-failure.ts'

export type PageStatus = {
  /** `idle`: a live input to which nobody broadcasts. */
  readonly state: VideoState | 'idle'
  /** Whether manifests answer. */
  readonly playable: boolean
  /** 0–100; null while it is not known. */
  readonly pctComplete: number | null
  /** Whether every quality is there: manifests will not change any more. */
  readonly complete: boolean
  /** One readable sentence about where it stands. */
  readonly sentence: string
  /** What can be done about a video that failed; null for every other. */
  readonly advice: string | null
  /** null until known. */
  readonly durationSeconds: number | null
  readonly width: number | null
  readonly height: number | null
  /** null for what is no broadcast, or none any more. */
  readonly live: PageLive | null
}

/** What a player page is told about a live input, or about the running broadcast that a video is made of. */
export type PageLive = {
  /** Whether the page is an input's, which shows one broadcast after the other. */
  readonly isInput: boolean
  /** Whether somebody is on air, or was a moment ago and may come back. */
  readonly running: boolean
  /** Whether broadcasts can be watched by HLS: the input's `recording.mode` is `automatic`. */
  readonly hls: boolean
  /** The input's `preferLowLatency`. */
  readonly lowLatency: boolean
  /** Whether what runs is published over WebRTC, and so best watched by it. */
  readonly realTime: boolean
}

/** What player pages are told about `video`. `early`: it plays although it is not processed yet. */
export function presentStatus(video: Video, early = false): PageStatus {
  const complete = video.state === 'ready' && (video.pctComplete ?? 100) >= 100
  return {
    state: video.state,
    playable: early || video.state === 'ready' || video.state === 'live-inprogress',
    pctComplete: video.pctComplete,
    complete,
    sentence: early ? describeEarly(video) : describe(video, complete),
    advice: video.error === null ? null : presentFailure(video.error).advice,
    durationSeconds: video.durationSeconds,
    width: video.displaySize?.width ?? null,
    height: video.displaySize?.height ?? null,
    live: null,
  }
}

function describeEarly(video: Video): string {
  return video.state === 'pendingupload'
    ? 'The video is still being uploaded; what has arrived plays already.'
    : 'The upload is complete; the video plays while it is being prepared.'
}

function describe(video: Video, complete: boolean): string {
  switch (video.state) {
    case 'pendingupload':
      return 'Waiting for the upload to finish.'
    case 'downloading':
      return 'The video is being fetched.'
    case 'queued':
      return 'The upload is here. Preparation starts in a moment.'
    case 'inprogress':
      return video.pctComplete !== null && video.pctComplete >= 1
        ? `The video is being prepared: ${Math.floor(video.pctComplete)} %.`
        : 'The video is being prepared.'
    case 'ready':
      return complete
        ? 'The video is ready.'
        : `The video is ready; further qualities are being made: ${Math.floor(video.pctComplete ?? 0)} %.`
    case 'live-inprogress':
      return 'The broadcast is running.'
    case 'error':
      break
  }
  return video.error?.reasonText || 'The video could not be processed.'
}

/** What a player page finds in its `<script type="application/json" id="headwater">` block. */
export type PlayerPageConfig = {
  readonly mode: 'watch' | 'iframe'
  /** Uid, or the token that stands in its place: what addresses are made with. */
  readonly id: string
  readonly details: {
    readonly title: string | null
    readonly shareLink: string | null
    readonly channelLink: string | null
    /** Address of a picture. */
    readonly logo: string | null
  }
  readonly status: PageStatus
}

/** What the owner of a video lets its viewers know, for the player page. */
export function presentDetails({ publicDetails }: Video): PlayerPageConfig['details'] {
  return {
    title: publicDetails?.title || null,
    shareLink: publicDetails?.share_link || null,
    channelLink: publicDetails?.channel_link || null,
    logo: publicDetails?.logo || null,
  }
}

/** For a page whose subject has none. */
export const NO_DETAILS: PlayerPageConfig['details'] = {
  title: null,
  shareLink: null,
  channelLink: null,
  logo: null,
}

/** A video as the binding shows it, and how it is made from the API's; names differ, values do not. api.md §14. */

/** A video. Times are RFC 3339 in UTC. */
export type StreamVideo = {
  id: string
  creator: string | null
  thumbnail: string
  /** 0 to 1. */
  thumbnailTimestampPct: number
  readyToStream: boolean
  readyToStreamAt: string | null
  status: {
    state: string
    step?: string
    /** A number from 0 to 100. */
    pctComplete?: string
    errorReasonCode: string
    errorReasonText: string
    /** Not in the official interface; only in `error`. */
    failure?: StreamFailure
  }
  /** The values are whatever JSON was stored; texts, if only bindings wrote them. */
  meta: Record<string, string>
  created: string
  modified: string
  scheduledDeletion: string | null
  /** Bytes; 0 until the upload is complete. */
  size: number
  /** The page to watch it on. */
  preview?: string
  allowedOrigins: string[]
  requireSignedURLs: boolean | null
  uploaded: string | null
  uploadExpiry: string | null
  maxSizeBytes: number | null
  maxDurationSeconds: number | null
  /** Seconds; -1 until known. */
  duration: number
  /** Pixels; -1 until known. */
  input: { width: number; height: number }
  hlsPlaybackUrl: string
  dashPlaybackUrl: string
  watermark: StreamWatermark | null
  liveInputId?: string | null
  clippedFromId: string | null
  publicDetails: StreamPublicDetails | null
}

/** Why a video or captions could not be made; docs/errors.md lists the codes. */
export type StreamFailure = {
  code: string
  /** How far it came: `upload`, `download`, `sniff`, `index`, `plan`, `decode`, `encode`, `package`, `clip` or `speech`. */
  stage: string
  /** What was found, and what to do. */
  found: string
  advice: string
  position?: { byte?: number; seconds?: number }
  /** The decoder's last lines, if it was asked. */
  decoder?: string[]
}

/** What the player tells about a video. */
export type StreamPublicDetails = {
  title: string | null
  share_link: string | null
  channel_link: string | null
  logo: string | null
}

/** A watermark profile; api.md §11. */
export type StreamWatermark = {
  id: string
  /** Bytes of the image. */
  size: number
  /** Pixels. */
  height: number
  width: number
  created: string
  /** Null when the image was sent and not fetched. */
  downloadedFrom: string | null
  name: string
  /** 0 to 1, like `padding` and `scale`. */
  opacity: number
  padding: number
  scale: number
  position: 'upperRight' | 'upperLeft' | 'lowerLeft' | 'lowerRight' | 'center'
}

/** The profile as HTTP has it. */
export type ApiWatermark = Omit<StreamWatermark, 'id'> & { uid: string }

type Renamed =
  | 'id'
  | 'hlsPlaybackUrl'
  | 'dashPlaybackUrl'
  | 'watermark'
  | 'liveInputId'
  | 'clippedFromId'
  | 'publicDetails'

/** The video as HTTP has it, as far as names differ; api.md §3. */
export type ApiVideo = Omit<StreamVideo, Renamed> & {
  uid: string
  playback: { hls: string; dash: string }
  watermark?: ApiWatermark | null
  liveInput?: string | null
  clippedFrom?: string | null
  publicDetails?: Partial<StreamPublicDetails> | null
}

/** The same video with the binding's names. */
export function toStreamVideo(video: ApiVideo): StreamVideo {
  const { uid, playback, watermark, liveInput, clippedFrom, publicDetails, ...same } = video
  return {
    id: uid,
    ...same,
    hlsPlaybackUrl: playback.hls,
    dashPlaybackUrl: playback.dash,
    watermark: watermark ? toStreamWatermark(watermark) : null,
    liveInputId: liveInput ?? null,
    clippedFromId: clippedFrom ?? null,
    publicDetails: publicDetails ? toPublicDetails(publicDetails) : null,
  }
}

/** The same profile with the binding's names. */
export function toStreamWatermark({ uid, ...same }: ApiWatermark): StreamWatermark {
  return { id: uid, ...same }
}

function toPublicDetails(details: Partial<StreamPublicDetails>): StreamPublicDetails {
  return {
    title: details.title ?? null,
    share_link: details.share_link ?? null,
    channel_link: details.channel_link ?? null,
    logo: details.logo ?? null,
  }
}

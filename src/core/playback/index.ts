/** What others may import from `core/playback`. */
export {
  type BlobPart,
  type Body,
  type BodyPart,
  BodyReader,
  type BlobSource,
  bodyOf,
  openRecorded,
  bytesBody,
  readBody,
  sliceBody,
  streamBody,
} from './body.ts'
export {
  downloadCaching,
  imageCaching,
  liveManifestCaching,
  liveSegmentCaching,
  manifestCaching,
  segmentCaching,
} from './cache-rules.ts'
export { cutOwnSegment, writeOwnInit } from './cut-segment.ts'
export { createPlayback, type Playback, type PlaybackDeps } from './create-playback.ts'
export { InputAdmissions } from './admit-input.ts'
export { type Admitted, Admissions, type Grants } from './admit.ts'
export { broadcastSeconds, clipBroadcast, clipRecording, requireRecording } from './instant-clip.ts'
export { LivePlayables, type PlayableLive } from './find-live.ts'
export { type Playable, Playables } from './find-playable.ts'
export { type Lifecycle, Lifecycles, type RunningBroadcast, type RunningBroadcasts } from './lifecycle.ts'
export { isOriginCovered, type RequestOrigin } from './allowed-origins.ts'
export { countTextPieces, mediaPlaylistText, mpdText, multivariantText } from './manifests.ts'
export { type OpenedSegment, openSegment, type SegmentDeps } from './open-segment.ts'
export { PopularBodies } from './popular-bodies.ts'

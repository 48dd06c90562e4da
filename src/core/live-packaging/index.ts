/** What others may import from `core/live-packaging`. */
export { parseReload, type Reload, waitForReload } from './blocking-reload.ts'
export { type BroadcastClipTrack, clipOfBroadcast } from './clip-of-broadcast.ts'
export {
  type ClipWindow,
  fitClip,
  formatClip,
  parseClip,
  parseClipOfRendition,
  parsePreview,
} from './clip-query.ts'
export {
  findRendition,
  liveClipPlaylistText,
  type LiveManifestRequest,
  liveMultivariantText,
  livePlaylistText,
} from './live-manifests.ts'
export { liveMpdText } from './live-mpd.ts'
export {
  LivePackage,
  type LivePackageOptions,
  type RecordedFragment,
} from './live-package.ts'
export { LiveViewers } from './live-viewers.ts'
export { type LiveAddress, type LiveBytes, openLive } from './open-live-segment.ts'
export type { LiveLookup, PlayedBroadcast, PlayedInput } from './played-broadcast.ts'
export { type HeldSegment, type LivePart, Rendition } from './rendition.ts'
export type { RungInput } from './rung-input.ts'
export { waitUntil } from './wait-until.ts'

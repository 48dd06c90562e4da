/** What others may import from `core/audio-tracks`. */
export {
  addTrackFromDraft,
  addTrackFromUrl,
  addTrackFromVideo,
  checkAddTrack,
  ENCODE_AUDIO_KIND,
  FETCH_AUDIO_KIND,
  receiveTrackFile,
  type TrackDeps,
  type TrackOwner,
  trackTooLarge,
} from './add-track.ts'
export { type AudioTrack, MOST_TRACKS } from './audio-track.ts'
export { deleteTrack, editTrack, type TrackEdit, type TrackName } from './edit-track.ts'
export { type EncodeTrackDeps, encodeTrack, giveUpTrack } from './encode-track.ts'
export { type FetchTrackDeps, fetchTrack } from './fetch-track.ts'
export { addInsideTracks, type InsideSound } from './inside-tracks.ts'
export { insideTimes } from './track-input.ts'
export { type MakeAgainDeps, makeTrackAgain } from './make-again.ts'
export { getTrack, getTrackOfRendition, listTracks } from './track-records.ts'

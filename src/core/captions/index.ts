/** What others may import from `core/captions`. */
export { type Caption, captionLabel, checkLanguage, MAX_CAPTION_BYTES } from './caption.ts'
export {
  findCaption,
  finishCaption,
  getCaption,
  insertCaption,
  listCaptions,
  requireCaption,
} from './caption-records.ts'
export type { ReadOptions } from '../../media/webvtt/read-webvtt.ts'
export { indexWebVtt } from './index-work.ts'
export { publishCues } from './publish-cues.ts'
export {
  type CaptionDeps,
  type CaptionName,
  captionTooLarge,
  checkPutCaption,
  deleteCaption,
  newCaptionId,
  putCaption,
  readCaption,
} from './put-caption.ts'
export { type OfferedText, type TextTrackDeps, TextTracks } from './text-tracks.ts'

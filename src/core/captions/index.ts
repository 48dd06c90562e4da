/** What others may import from `core/captions`. */
export {
  type Caption,
  captionLabel,
  MAX_CAPTION_BYTES,
} from './caption.ts'
export { listCaptions, requireCaption } from './caption-records.ts'
export { indexWebVtt } from './index-work.ts'
export {
  type CaptionDeps,
  type CaptionName,
  captionTooLarge,
  checkPutCaption,
  deleteCaption,
  putCaption,
  readCaption,
} from './put-caption.ts'
export { type OfferedText, TextTracks, type TextTrackDeps } from './text-tracks.ts'

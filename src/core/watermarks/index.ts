/** What others may import from `core/watermarks`. */
export { findImageDamage, MOST_OUTPUT_BYTES as MOST_STORED_BYTES } from './check-image.ts'
export {
  deleteWatermark,
  type NewWatermark,
  type WatermarkDeps,
  WatermarkMaker,
} from './manage-watermarks.ts'
export { buildScaleImage, IMAGE_DEMUXER } from './scale-image.ts'
export {
  imageTooLarge,
  MAX_IMAGE_BYTES,
  type Placement,
  type PlacementRequest,
  type Position,
  POSITIONS,
  type Watermark,
} from './watermark.ts'
export { findMarkOf, imagesInUse, listImages, listWatermarks, requireWatermark } from './watermark-records.ts'

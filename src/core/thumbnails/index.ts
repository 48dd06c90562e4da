/** What others may import from `core/thumbnails`. */
export { parseAnimationQuery, type AnimationQuery } from './animation-request.ts'
export { createThumbnails, type ThumbnailDeps, type Thumbnails } from './make-picture.ts'
export { parsePictureQuery, type PictureQuery } from './picture-request.ts'
export { createStoryboards, type Storyboards } from './storyboard.ts'

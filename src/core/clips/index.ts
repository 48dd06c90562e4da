/** What others may import from `core/clips`. */
export { CLIP_KIND, type ClipDeps } from './clip.ts'
export { createClip, type NewClip } from './create-clip.ts'
export { failClip, makeClip, type MakeClipDeps } from './make-clip.ts'

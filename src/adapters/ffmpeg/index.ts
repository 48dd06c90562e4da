/** ffmpeg behind the `Decoder` port. */

export { describeCage, findCage, summarizeCage } from './cage.ts'
export type { Cage } from './cage-command.ts'
export { createDecoder } from './decoder.ts'
export { findFfmpeg } from './find-ffmpeg.ts'
export { createLiveDecoder } from './live-decoder.ts'

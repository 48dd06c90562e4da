/** ffmpeg behind the `Decoder` port. */

export { type CageReport, describeCage, findCage } from './cage.ts'
export { createDecoder } from './decoder.ts'
export { findFfmpeg } from './find-ffmpeg.ts'

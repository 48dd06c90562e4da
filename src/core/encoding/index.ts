/** What others may import from `core/encoding`. */
export { isComplete, isPlayable } from './chunk-records.ts'
export { chooseSound } from './chunk-input.ts'
export { type EncodeDeps, encodeChunk } from './encode-chunk.ts'
export { enqueueFirstChunks } from './enqueue-chunks.ts'
export { giveUpEncode } from './give-up.ts'
export { EncodeProgress } from './progress.ts'
export { planAgain } from './plan-again.ts'
export { requestSegment, urgentChunk } from './urgent-chunk.ts'

/** What others may import from `core/encoding`. */
export {
  dropRendition,
  type FinishedChunk,
  findFinished,
  isComplete,
  isPlayable,
  recordChunk,
} from './chunk-records.ts'
export { chooseSound } from './chunk-input.ts'
export {
  type BlobUser,
  encodeAgain,
  type EncodeAgainDeps,
  findBlobUsers,
  renameCutRenditions,
} from './encode-again.ts'
export { type EncodeDeps, encodeChunk } from './encode-chunk.ts'
export { enqueueFirstChunks } from './enqueue-chunks.ts'
export { giveUpEncode } from './give-up.ts'
export { encodeWholeSound, type WholeSound, type WholeSoundDeps } from './encode-whole-sound.ts'
export { EncodeProgress, finishedPct } from './progress.ts'
export { publishSoundInit } from './publish-chunk.ts'
export { planAgain } from './plan-again.ts'
export { requestSegment, urgentChunk } from './urgent-chunk.ts'

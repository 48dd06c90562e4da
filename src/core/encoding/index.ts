/** What others may import from `core/encoding`. */
export { isComplete, isPlayable } from './chunk-records.ts'
export { planChunks, planRendition, REORDER_PICTURES } from './encode-plan.ts'
export { enqueueFirstChunks } from './enqueue-chunks.ts'
export { findRate, gridTicks, gridTimescale } from './frame-rate.ts'
export { planLadder, type Rung } from './ladder.ts'

/** What others may import from `core/idempotency`. */
export { answerOnce, type KeptAnswer, type RepeatDeps, sweepKeys } from './repeats.ts'

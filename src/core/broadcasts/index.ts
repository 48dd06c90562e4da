/** What others may import from `core/broadcasts`. */
export { Broadcasts, type BroadcastsDeps } from './broadcasts.ts'

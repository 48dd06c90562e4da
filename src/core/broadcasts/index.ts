/** What others may import from `core/broadcasts`. */
export { type Accepted, Broadcasts, type BroadcastsDeps } from './broadcasts.ts'

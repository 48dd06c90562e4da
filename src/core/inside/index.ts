/** What others may import from `core/inside`. */
export { enqueueInside, INSIDE_KIND } from './enqueue-inside.ts'
export { giveUpInside, type InsideDeps, takeInside } from './take-inside.ts'

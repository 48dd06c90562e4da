/** What a scrub tells: how far it is, and what it found. */

import type { BlobKind } from '../blob-names.ts'

/** `unrecorded`: no row names it, or it is no file of ours. */
export type Problem = 'missing' | 'length' | 'content' | 'unreadable' | 'unrecorded'

/**
 * `repairable`: with `--repair` it would be; `repaired`: made again, or queued to be; `lost`: only its owner can bring it
 * back; `stray`: it does no harm but fill the disk; `removed`: a stray that was.
 */
export type Outcome = 'repairable' | 'repaired' | 'lost' | 'stray' | 'removed'

/** One file that is not as it should be. */
export type Finding = {
  /** Below the data folder's store, e.g. `blobs/sources/<uid>`. */
  readonly file: string
  readonly kind: BlobKind | 'draft' | 'foreign'
  /** The video it belongs to; null for images of watermarks and strays. */
  readonly video: string | null
  readonly problem: Problem
  /** A sentence: what was found. */
  readonly found: string
  readonly outcome: Outcome
  /** A sentence: what that means, and what was done or is to be done. */
  readonly means: string
}

export type Amount = { readonly checked: number; readonly total: number }

export type ScrubReport = {
  readonly state: 'running' | 'done' | 'stopped' | 'failed'
  readonly repair: boolean
  readonly startedUs: number
  /** null while it runs. */
  readonly endedUs: number | null
  readonly files: Amount
  readonly bytes: Amount
  /** Files that are damaged or missing, whatever became of them. */
  readonly damaged: number
  readonly repaired: number
  readonly lost: number
  /** Files without a record, removed ones too, and their bytes. */
  readonly strays: number
  readonly strayBytes: number
  /** The first of them; the counts above go on. */
  readonly findings: readonly Finding[]
  /** Why it failed, a sentence; null otherwise. */
  readonly error: string | null
}

/** A thousand say where to look, and fit into an answer. */
export const MOST_FINDINGS = 1_000

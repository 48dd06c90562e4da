/** What a work thread and its keeper say to each other. */

import type { FailureCode, FailureFacts } from '../../lib/failure.ts'

export type WorkQuestion = {
  readonly work: string
  readonly input: unknown
  /** A local file that holds the blob it is about. */
  readonly path: string | null
}

export type WorkAnswer =
  | { readonly result: unknown }
  | {
      readonly failure: {
        readonly code: FailureCode
        readonly sentence: string
        readonly facts: FailureFacts
      }
    }

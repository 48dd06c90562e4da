/** What the index thread and its keeper say to each other. */

import type { FailureCode, FailureFacts } from '../../lib/failure.ts'
import type { Movie } from '../../media/isobmff/movie.ts'

export type IndexQuestion = { readonly id: number; readonly path: string }

export type IndexAnswer =
  | { readonly id: number; readonly movie: Movie }
  | {
      readonly id: number
      readonly failure: {
        readonly code: FailureCode
        readonly sentence: string
        readonly facts: FailureFacts
      }
    }

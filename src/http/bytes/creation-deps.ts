/** What the routes that create uploads need. */

import type { UploadDeps } from '../../core/uploads/index.ts'
import type { AnswerOnce } from '../repeats.ts'
import type { CountRequest } from '../rate-limit.ts'
import type { SignIn } from '../sign-in.ts'

export type CreationDeps = {
  readonly uploads: UploadDeps
  readonly signIn: SignIn
  /** Counts creations; the chunks of an upload never count. */
  readonly countRequest: CountRequest
  readonly answerOnce: AnswerOnce
}

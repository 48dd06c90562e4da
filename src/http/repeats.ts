/** `Idempotency-Key` (spec §10) at the edge: which request it names, and its kept answer. */

import type { IncomingMessage } from 'node:http'
import { answerOnce, type KeptAnswer, type RepeatDeps } from '../core/idempotency/index.ts'
import { headerText } from './header-text.ts'

/** Headers that say what is to be made, beside the body. */
const TELLING = ['upload-length', 'upload-metadata', 'upload-concat', 'upload-creator']

/** Does a request that makes something, or answers what it answered when its key first came. */
export type AnswerOnce = <A extends KeptAnswer>(
  request: {
    readonly accountId: string
    readonly incoming: IncomingMessage
    /** The body where it is one that can be compared; a form's is not. */
    readonly body?: unknown
  },
  options: { make: () => Promise<A>; isThere: (answer: KeptAnswer) => Promise<boolean> },
) => Promise<KeptAnswer>

/** Makes it; `locks` must be one object for all requests. */
export function createAnswerOnce(deps: RepeatDeps): AnswerOnce {
  return async ({ accountId, incoming, body }, options) => {
    const key = headerText(incoming, 'idempotency-key')?.trim() ?? ''
    if (key === '') return options.make()
    const telling = TELLING.map((name) => headerText(incoming, name) ?? '')
    const asks = [incoming.method ?? '', incoming.url ?? '', JSON.stringify(body ?? null), ...telling]
    return answerOnce(deps, { accountId, key, asks }, options)
  }
}

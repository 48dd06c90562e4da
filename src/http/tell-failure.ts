/** What one client is told of one failure: the words and headers of its row in `errors.ts`, and what its facts add. */

import { type FailureCode, type FailureFacts, HeadwaterError } from '../lib/failure.ts'
import { errorRow } from './errors.ts'

/** A failure as it is told to one client. */
export type ToldFailure = {
  readonly code: FailureCode
  readonly status: number
  readonly number: number
  readonly message: string
  readonly headers: Readonly<Record<string, string>>
  /** Field of the body or query that is at fault. */
  readonly field?: string
  /** What there is to say beyond the error; goes into the envelope's `messages`. */
  readonly notes: readonly string[]
}

/**
 * What the client is told of `error`. Facts with a meaning here: `allow` (methods of the path), `retryAfterSeconds`,
 * `field`, `sizeBytes` (of a range that cannot be satisfied), `usedMinutes` and `allocatedMinutes`. Anything that is
 * not ours is an `internal` failure, whose text stays in the log.
 */
export function tellFailure(error: unknown, requestId: string): ToldFailure {
  const code = error instanceof HeadwaterError ? error.code : 'internal'
  const facts: FailureFacts = error instanceof HeadwaterError ? error.facts : {}
  const row = errorRow(code)
  const sentence = row.hidden
    ? `see the server's log for request ${requestId}`
    : error instanceof Error
      ? error.message
      : ''
  return {
    code,
    status: row.status,
    number: row.number,
    message: joinMessage(row.start, sentence),
    headers: { ...row.headers, ...headersFromFacts(code, facts) },
    field: typeof facts.field === 'string' ? facts.field : undefined,
    notes: notesFromFacts(code, facts),
  }
}

function joinMessage(start: string, sentence: string): string {
  if (sentence === '' || sentence === start) return start
  return sentence.startsWith(`${start}:`) ? sentence : `${start}: ${sentence}`
}

function headersFromFacts(code: FailureCode, facts: FailureFacts): Record<string, string> {
  const headers: Record<string, string> = {}
  if (code === 'method_not_allowed' && typeof facts.allow === 'string') headers.allow = facts.allow
  if (typeof facts.retryAfterSeconds === 'number') headers['retry-after'] = String(facts.retryAfterSeconds)
  // RFC 9110 §15.5.17
  if (code === 'range_not_satisfiable' && typeof facts.sizeBytes === 'number') {
    headers['content-range'] = `bytes */${facts.sizeBytes}`
  }
  return headers
}

function notesFromFacts(code: FailureCode, facts: FailureFacts): string[] {
  if (code !== 'storage_exhausted' || typeof facts.allocatedMinutes !== 'number') return []
  return [`${facts.usedMinutes} of ${facts.allocatedMinutes} storage minutes are in use or reserved`]
}

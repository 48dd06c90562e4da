/** The JSON wrapper around every answer of the API; spec §1.3. */

import type { ToldFailure } from './tell-failure.ts'

/** An entry of `errors` or `messages`. */
export type EnvelopeNote = {
  readonly code: number
  readonly message: string
  readonly source?: { readonly pointer: string }
}

/** What may stand beside `result`. `total` and `range` belong to the video list with counts only. */
export type EnvelopeExtras = {
  readonly messages?: readonly EnvelopeNote[]
  readonly total?: number
  readonly range?: number
}

/** The text of a success. */
export function formatSuccess(result: unknown, extras: EnvelopeExtras = {}): string {
  return JSON.stringify({ result, success: true, errors: [], messages: [], ...extras })
}

/** The same for a list whose entries are JSON already. */
export function formatSuccessList(entries: readonly string[], extras: EnvelopeExtras = {}): string {
  const rest = JSON.stringify({ success: true, errors: [], messages: [], ...extras })
  return `{"result":[${entries.join(',')}],${rest.slice(1)}`
}

/** The text of a failure. `messages` is null unless there is something to say. */
export function formatFailure(told: ToldFailure): string {
  const error: EnvelopeNote = {
    code: told.number,
    message: told.message,
    ...(told.field === undefined ? {} : { source: { pointer: toPointer(told.field) } }),
  }
  const messages = told.notes.map((message): EnvelopeNote => ({ code: told.number, message }))
  return JSON.stringify({
    result: null,
    success: false,
    errors: [error],
    messages: messages.length === 0 ? null : messages,
  })
}

/** `publicDetails.logo` as a JSON pointer, RFC 6901. */
function toPointer(field: string): string {
  return `/${field.split('.').join('/')}`
}

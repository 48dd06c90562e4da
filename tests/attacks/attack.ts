/** What a stranger may send, and what must come of it. */

import type { MediaEnd } from '../fuzz/media-life.ts'

/** What references in hostile files point at: a listener nobody may call, and a file nobody may open. */
export type Lure = {
  /** Base address of the listener, without a trailing slash. */
  readonly url: string
  /** Absolute path of the canary. */
  readonly file: string
}

/** How a file must end: it plays, or this code of the vendor's is its reason. */
export type ExpectedEnd =
  | 'ready'
  | 'ERR_NON_VIDEO'
  | 'ERR_MALFORMED_VIDEO'
  | 'ERR_DURATION_TOO_SHORT'
  | 'ERR_DURATION_EXCEED_CONSTRAINT'

/** One hostile file. */
export type Attack = {
  /** Continues the sentence "a stranger sends …". */
  readonly name: string
  readonly bytes: Uint8Array
  readonly ends: ExpectedEnd
  /** Part of the sentence that the owner gets. */
  readonly says?: RegExp
  /** Beside the name. */
  readonly metadata?: Readonly<Record<string, string>>
  /** What must hold beyond the end, e.g. how long a video that plays lasts. */
  readonly seconds?: number
}

/** What is compared with a table's row. */
export function endOf({ state, reasonCode }: Pick<MediaEnd, 'state' | 'reasonCode'>): string {
  return state === 'error' ? reasonCode : state
}

/** Bytes of a text, one per character. */
export function latin1(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

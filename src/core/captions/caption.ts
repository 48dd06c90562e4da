/** Captions: their languages, names and sizes (media.md §2). */

import { HeadwaterError } from '../../lib/failure.ts'
import { canonicalLanguage, languageName } from '../../lib/language-tag.ts'
import type { Explained } from '../faults/index.ts'

/** One text track of a video. */
export type Caption = {
  /** Its rendition in the addresses of players; captions that replace others have another. */
  readonly id: string
  readonly videoUid: string
  /** BCP 47 in canonical case. */
  readonly language: string
  /** Made by the speech engine. */
  readonly generated: boolean
  readonly status: 'ready' | 'inprogress' | 'error'
  /** null unless `ready`. */
  readonly blob: string | null
  /** Why they could not be made; null unless `error`, and in captions of older versions. */
  readonly failure: Explained['detail'] | null
}

/** Largest file; the vendor's 10 MB are 10 MiB. */
export const MAX_CAPTION_BYTES = 10_485_760

/** The tag in canonical case. Throws `bad_request`. */
export function checkLanguage(tag: string): string {
  const language = canonicalLanguage(tag)
  if (language !== undefined) return language
  throw new HeadwaterError(
    'bad_request',
    `Expected the language as a BCP 47 tag such as en, pt-BR or zh-Hant, at most 35 characters; found ${JSON.stringify(tag.slice(0, 64))}.`,
    { facts: { field: 'language' } },
  )
}

/** The name of the language in that language, as players show it; the tag where nobody has told it. */
export function captionLabel({ language, generated }: Pick<Caption, 'language' | 'generated'>): string {
  return `${languageName(language)}${generated ? GENERATED_SUFFIX : ''}`
}

const GENERATED_SUFFIX = ' (auto-generated)'

/** Captions: their languages, names and sizes (media.md §2). */

import { HeadwaterError } from '../../lib/failure.ts'

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
}

/** Largest file; the vendor's 10 MB are 10 MiB. */
export const MAX_CAPTION_BYTES = 10_485_760

const MOST_TAG_CHARACTERS = 35

/** The tag in canonical case; undefined for what is no `language[-Script][-REGION][-variant]`. */
export function canonicalLanguage(tag: string): string | undefined {
  if (tag.length > MOST_TAG_CHARACTERS) return undefined
  try {
    const { baseName } = new Intl.Locale(tag)
    // What `baseName` leaves out are extensions, such as a calendar: they name no language.
    return baseName === Intl.getCanonicalLocales(tag)[0] ? baseName : undefined
  } catch {
    return undefined
  }
}

/** The tag in canonical case. Throws `bad_request`. */
export function checkLanguage(tag: string): string {
  const language = canonicalLanguage(tag)
  if (language !== undefined) return language
  throw new HeadwaterError(
    'bad_request',
    `Expected the language as a BCP 47 tag such as en, pt-BR or zh-Hant, at most ${MOST_TAG_CHARACTERS} characters; found ${JSON.stringify(tag.slice(0, 64))}.`,
    { facts: { field: 'language' } },
  )
}

/** The name of the language in that language, as players show it; the tag where nobody has told it. */
export function captionLabel({ language, generated }: Pick<Caption, 'language' | 'generated'>): string {
  return `${languageName(language)}${generated ? GENERATED_SUFFIX : ''}`
}

function languageName(language: string): string {
  // Without data of its own a language would be named in that of the machine.
  if (Intl.DisplayNames.supportedLocalesOf(language).length === 0) return language
  return new Intl.DisplayNames(language, { type: 'language' }).of(language) ?? language
}

const GENERATED_SUFFIX = ' (auto-generated)'

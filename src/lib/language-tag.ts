/** Names of languages (BCP 47), by the platform's own data. */

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

/** The name of the language in that language, as players show it; the tag where nobody has told it. */
export function languageName(language: string): string {
  // Without data of its own a language would be named in that of the machine.
  if (Intl.DisplayNames.supportedLocalesOf(language).length === 0) return language
  return new Intl.DisplayNames(language, { type: 'language' }).of(language) ?? language
}

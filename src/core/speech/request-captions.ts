/** Asking for generated captions (api.md §6, media.md §2). */

import { type Jobs, PRIORITY } from '../../jobs/job.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import {
  type Caption,
  type CaptionDeps,
  type CaptionName,
  checkLanguage,
  findCaption,
  insertCaption,
  newCaptionId,
} from '../captions/index.ts'
import { requireVideo } from '../videos/index.ts'

export type RequestDeps = CaptionDeps & {
  readonly jobs: Jobs
  /** Whether workers have an engine. */
  readonly hasSpeechEngine: boolean
}

/** Kind of the job, and its payload. */
export const SPEECH_KIND = 'speech'
export type SpeechPayload = { readonly uid: string; readonly id: string }

/** What can be asked for, with or without a region. */
const LANGUAGES = new Set(['cs', 'nl', 'en', 'fr', 'de', 'it', 'ja', 'ko', 'pl', 'pt', 'ru', 'es'])
/** The vendor's limit: two hours. */
const MOST_SECONDS = 7_200
/** An engine that failed for a passing reason gets one more try. */
const MOST_ATTEMPTS = 2

/**
 * Makes captions `inprogress` and the job that hears the sound. Throws `not_found`, `speech_not_configured`,
 * `bad_request` (a language that is not supported, more than two hours) and `conflict` (the video is not ready, or has
 * captions of that language).
 */
export async function requestCaptions(deps: RequestDeps, name: CaptionName): Promise<Caption> {
  const language = checkSpoken(name.language)
  return deps.db.transaction().execute(async (trx) => {
    const { uid, state, durationSeconds } = await requireVideo(trx, name.uid, name.accountId)
    if (!deps.hasSpeechEngine) {
      throw new HeadwaterError(
        'speech_not_configured',
        'No speech engine is configured (HEADWATER_SPEECH_COMMAND or HEADWATER_SPEECH_URL); captions can be uploaded with PUT.',
      )
    }
    if (state !== 'ready') {
      throw new HeadwaterError(
        'conflict',
        `Captions are generated of videos that are ready; this one is ${state}.`,
        {
          facts: { uid, state },
        },
      )
    }
    if (durationSeconds !== null && durationSeconds > MOST_SECONDS) {
      throw new HeadwaterError(
        'bad_request',
        `Captions are generated of videos of at most ${MOST_SECONDS} seconds; this one has ${Math.ceil(durationSeconds)}.`,
      )
    }
    if ((await findCaption(trx, uid, language)) !== undefined) {
      throw new HeadwaterError(
        'conflict',
        `The video has captions of the language ${language}; delete them first.`,
        {
          facts: { uid },
        },
      )
    }
    const id = newCaptionId(deps.clock)
    const caption: Caption = {
      id,
      videoUid: uid,
      language,
      generated: true,
      status: 'inprogress',
      blob: null,
      failure: null,
    }
    await insertCaption(trx, caption)
    const payload: SpeechPayload = { uid, id }
    await deps.jobs.enqueue(trx, {
      kind: SPEECH_KIND,
      dedupe: `${SPEECH_KIND}/${id}`,
      payload,
      videoUid: uid,
      priority: PRIORITY.rest,
      maxAttempts: MOST_ATTEMPTS,
    })
    return caption
  })
}

/** The language as engines know it, without its region. */
export function spokenLanguage(tag: string): string {
  return new Intl.Locale(tag).language
}

function checkSpoken(tag: string): string {
  const language = checkLanguage(tag)
  const { language: spoken, script } = new Intl.Locale(language)
  const plain = language === spoken || (script === undefined && /^[a-z]+-(?:[A-Z]{2}|\d{3})$/.test(language))
  if (plain && LANGUAGES.has(spoken)) return language
  throw new HeadwaterError(
    'bad_request',
    `Captions can be generated in ${[...LANGUAGES].toSorted().join(', ')}, also with a region such as en-GB; found ${language}.`,
    { facts: { field: 'language' } },
  )
}

/** Captions; spec §6. */

import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import {
  type Caption,
  captionLabel,
  type CaptionDeps,
  captionTooLarge,
  checkPutCaption,
  deleteCaption,
  listCaptions,
  MAX_CAPTION_BYTES,
  putCaption,
  readCaption,
  requireCaption,
} from '../../core/captions/index.ts'
import { type RequestDeps, requestCaptions } from '../../core/speech/index.ts'
import { requireVideo } from '../../core/videos/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { announcedBytes, FormReader, isForm } from '../bytes/read-form.ts'
import { failureSchema, presentFailure } from '../present-failure.ts'
import { type Answer, answerResult, answerText, type Endpoint, endpoint } from '../endpoint.ts'

const CAPTIONS = '/accounts/{account_id}/stream/{uid}/captions'
const SHARED = { tag: 'Captions', access: 'account' } as const

/** What a form may carry beside its file. */
const ENVELOPE_BYTES = 65_536
const MAX_FORM_BYTES = MAX_CAPTION_BYTES + ENVELOPE_BYTES

const captionSchema = z.object({
  language: z.string().describe('BCP 47 tag in canonical case'),
  label: z.string().describe('Name of the language in that language'),
  generated: z.boolean().describe('Made by the speech engine'),
  status: z.enum(['ready', 'inprogress', 'error']),
  failure: failureSchema.optional().describe('Ours; only in `error`'),
})

/** The endpoints. */
export function captionEndpoints(deps: RequestDeps): Endpoint[] {
  return [list(deps), details(deps), put(deps), remove(deps), generate(deps), vtt(deps)]
}

function list(deps: CaptionDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: CAPTIONS,
    summary: 'Captions of a video, sorted by language',
    resultSchema: z.array(captionSchema),
    handle: async ({ accountId, uid }) => {
      await requireVideo(deps.db, uid, accountId)
      return answerResult((await listCaptions(deps.db, uid)).map(presentCaption))
    },
  })
}

function details(deps: CaptionDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: `${CAPTIONS}/{language}`,
    summary: 'Captions of one language',
    resultSchema: captionSchema,
    handle: async ({ accountId, uid, params }) => {
      await requireVideo(deps.db, uid, accountId)
      return presented(await requireCaption(deps.db, uid, params.language ?? ''))
    },
  })
}

function put(deps: CaptionDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'PUT',
    path: `${CAPTIONS}/{language}`,
    summary:
      'Takes the part `file` of multipart/form-data, WebVTT of at most 10 MB, in place of what is there',
    resultSchema: captionSchema,
    handle: async ({ accountId, uid, params, incoming, outgoing }) => {
      const name = { accountId, uid, language: params.language ?? '' }
      checkForm(incoming)
      await checkPutCaption(deps, name)
      const form = new FormReader(incoming, deps.clock, {
        maxBytes: MAX_FORM_BYTES,
        tooLarge: captionTooLarge,
      })
      return presented(await form.take(outgoing, (file) => putCaption(deps, name, file.body)))
    },
  })
}

function remove(deps: CaptionDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'DELETE',
    path: `${CAPTIONS}/{language}`,
    summary: 'Deletes captions; players see it at once',
    resultSchema: z.literal(''),
    handle: async ({ accountId, uid, params }) => {
      await deleteCaption(deps, { accountId, uid, language: params.language ?? '' })
      return answerResult('')
    },
  })
}

function generate(deps: RequestDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'POST',
    path: `${CAPTIONS}/{language}/generate`,
    summary: 'Captions made by the speech engine, in the language that is spoken',
    resultSchema: captionSchema,
    handle: async ({ accountId, uid, params }) =>
      presented(await requestCaptions(deps, { accountId, uid, language: params.language ?? '' })),
  })
}

function vtt(deps: CaptionDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: `${CAPTIONS}/{language}/vtt`,
    summary: 'The WebVTT, byte for byte as it was uploaded',
    contentType: 'text/vtt',
    handle: async ({ accountId, uid, params }) =>
      answerText('text/vtt', await readCaption(deps, { accountId, uid, language: params.language ?? '' })),
  })
}

function presentCaption(caption: Caption): z.output<typeof captionSchema> {
  const { language, generated, status, failure } = caption
  return {
    language,
    label: captionLabel(caption),
    generated,
    status,
    ...(failure !== null && { failure: presentFailure({ reasonText: '', detail: failure }) }),
  }
}

function presented(caption: Caption): Answer {
  return answerResult(presentCaption(caption))
}

/** Refused before the body is read. */
function checkForm(incoming: IncomingMessage): void {
  if (!isForm(incoming)) {
    throw new HeadwaterError('bad_json', 'Expected multipart/form-data with the WebVTT in its part `file`.')
  }
  if ((announcedBytes(incoming) ?? 0) > MAX_FORM_BYTES) throw captionTooLarge()
}

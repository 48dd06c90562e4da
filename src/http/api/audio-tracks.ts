/** Audio tracks; spec §7. */

import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import {
  addTrackFromDraft,
  addTrackFromUrl,
  addTrackFromVideo,
  type AudioTrack,
  checkAddTrack,
  deleteTrack,
  editTrack,
  listTracks,
  receiveTrackFile,
  type TrackDeps,
  trackTooLarge,
} from '../../core/audio-tracks/index.ts'
import { MAX_FORM_BYTES } from '../../core/uploads/index.ts'
import { requireVideo } from '../../core/videos/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { announcedBytes, FormReader, isForm } from '../bytes/read-form.ts'
import { type Answer, answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import { failureSchema, presentFailure } from '../present-failure.ts'
import { trackIsThere } from '../still-there.ts'

export type AudioTrackEndpointDeps = TrackDeps

const AUDIO = '/accounts/{account_id}/stream/{uid}/audio'
const SHARED = { tag: 'Audio tracks', access: 'account' } as const

const trackSchema = z.object({
  uid: z.string(),
  label: z.string().describe('What viewers choose it by; unique among those of the video'),
  default: z
    .boolean()
    .describe('Heard unless the viewer chooses; where none is, the sound that came with the video'),
  status: z.enum(['queued', 'ready', 'error']),
  errorReasonText: z.string().optional().describe('Why it could not be made'),
  failure: failureSchema.optional().describe('Ours; only in `error`'),
})

/** The endpoints. */
export function audioTrackEndpoints(deps: AudioTrackEndpointDeps): Endpoint[] {
  return [list(deps), upload(deps), copy(deps), edit(deps), remove(deps)]
}

function list(deps: TrackDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: AUDIO,
    summary: 'Audio tracks that were added to a video, oldest first',
    resultSchema: z.object({ audio: z.array(trackSchema) }),
    handle: async ({ accountId, uid }) => {
      await requireVideo(deps.db, uid, accountId)
      return answerResult({ audio: (await listTracks(deps.db, uid)).map(presentTrack) })
    },
  })
}

function upload(deps: TrackDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'POST',
    creates: trackIsThere(deps.db),
    path: AUDIO,
    summary:
      'Adds the sound in the part `file` of multipart/form-data, at most 200 MB, under its part `label`',
    formSchema: z.object({
      file: z.string().describe('The file; of a video its first sound'),
      label: z.string().describe('1 to 128 characters'),
    }),
    resultSchema: trackSchema,
    handle: async ({ accountId, uid, incoming, outgoing }) => {
      checkForm(incoming)
      const owner = { accountId, uid }
      await checkAddTrack(deps.db, owner)
      const form = new FormReader(incoming, deps.clock, { maxBytes: MAX_FORM_BYTES, tooLarge: trackTooLarge })
      const draft = await deps.blobs.createDraft({ streamed: true })
      try {
        await form.take(outgoing, async (file) => {
          // Where the label stands before the file, a wrong one costs nothing.
          await checkAddTrack(deps.db, owner, form.texts.get('label'))
          await receiveTrackFile(draft, file.body)
        })
      } catch (error) {
        await draft.discard()
        throw error
      }
      // An absent label is an empty one.
      const label = form.texts.get('label') ?? ''
      return presented(await addTrackFromDraft(deps, owner, { label, draft }))
    },
  })
}

function copy(deps: TrackDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'POST',
    creates: trackIsThere(deps.db),
    path: `${AUDIO}/copy`,
    summary: 'Adds the sound of a file at a URL, or that of another video of the account',
    bodySchema: z.object({
      label: z
        .string()
        .optional()
        .describe('1 to 128 characters; may be left out for another video, which then names it'),
      url: z.string().optional().describe('Address of the file, http or https; user info is Basic auth'),
      audio: z.object({ source_video_id: z.string().optional() }).nullable().optional(),
    }),
    resultSchema: trackSchema,
    handle: async ({ accountId, uid, body }) => {
      const { label, url } = body
      const sourceUid = body.audio?.source_video_id
      if (url === undefined && sourceUid !== undefined) {
        return presented(await addTrackFromVideo(deps, { accountId, uid }, { label, sourceUid }))
      }
      if (url === undefined) throw missing('url', 'the address of the file')
      if (label === undefined) throw missing('label', 'what viewers choose the track by')
      return presented(await addTrackFromUrl(deps, { accountId, uid }, { label, url }))
    },
  })
}

function edit(deps: TrackDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'PATCH',
    path: `${AUDIO}/{track}`,
    summary: 'Changes the label of a track, or whether it is the default; players see it at once',
    bodySchema: z.object({ label: z.string().optional(), default: z.boolean().optional() }),
    resultSchema: trackSchema,
    handle: async ({ accountId, uid, params, body }) => {
      const name = { accountId, uid, track: params.track ?? '' }
      return presented(await editTrack(deps, name, { label: body.label, isDefault: body.default }))
    },
  })
}

function remove(deps: TrackDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'DELETE',
    path: `${AUDIO}/{track}`,
    summary: 'Deletes a track that is not the default',
    resultSchema: z.literal('ok'),
    handle: async ({ accountId, uid, params }) => {
      await deleteTrack(deps, { accountId, uid, track: params.track ?? '' })
      return answerResult('ok')
    },
  })
}

function presentTrack(track: AudioTrack): z.output<typeof trackSchema> {
  const { uid, label, status, error, failure } = track
  return {
    uid,
    label,
    default: track.isDefault,
    status,
    ...(error !== null && { errorReasonText: error }),
    ...(failure !== null && { failure: presentFailure({ reasonText: error ?? '', detail: failure }) }),
  }
}

function presented(track: AudioTrack): Answer {
  return answerResult(presentTrack(track))
}

/** Refused before the body is read. */
function checkForm(incoming: IncomingMessage): void {
  if (!isForm(incoming)) {
    throw new HeadwaterError(
      'unsupported_media_type',
      'Expected multipart/form-data with the sound in its part `file` and a part `label`.',
    )
  }
  if ((announcedBytes(incoming) ?? 0) > MAX_FORM_BYTES) throw trackTooLarge()
}

function missing(field: string, what: string): HeadwaterError {
  return new HeadwaterError('bad_request', `\`${field}\` is missing: ${what}.`, { facts: { field } })
}

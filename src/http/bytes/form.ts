/**
 * The basic form upload: `multipart/form-data` with a part `file`, streamed to a draft as it arrives. Rules are the
 * core's; `read-form.ts` takes the form apart.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { acceptForm, checkFormUpload } from '../../core/uploads/index.ts'
import { formatSuccess } from '../envelope.ts'
import { presentVideo } from '../present-video.ts'
import type { ByteRequest, ByteRoute } from '../route.ts'
import { authorise } from '../sign-in.ts'
import { videoIsThere } from '../still-there.ts'
import type { CreationDeps } from './creation-deps.ts'
import { announcedBytes, FormReader, isForm } from './read-form.ts'

/** Whether a `POST` on the stream path is a form upload and not a tus creation (api.md §4.2). */
export function isFormUpload(incoming: IncomingMessage): boolean {
  const { headers } = incoming
  return isForm(incoming) && headers['upload-length'] === undefined && headers['tus-resumable'] === undefined
}

/** The form route. It must stand before or after the tus routes; the two take different requests. */
export function formRoutes(deps: CreationDeps): ByteRoute[] {
  return [
    {
      pattern: /^\/client\/v4\/accounts\/(?<account>[^/]+)\/stream$/,
      accepts: (method, incoming) => method === 'POST' && isFormUpload(incoming),
      failures: 'envelope',
      handle: (request, incoming, outgoing) => handleForm(deps, request, incoming, outgoing),
    },
  ]
}

async function handleForm(
  deps: CreationDeps,
  request: ByteRequest,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { uploads } = deps
  const accountId = request.params.account ?? ''
  const principal = await deps.signIn(incoming)
  await authorise(uploads.db, principal, { accountId, permission: 'write' })
  deps.countRequest(principal.tokenId)
  await checkFormUpload(uploads, { accountId, announcedBytes: announcedBytes(incoming) })
  const form = new FormReader(incoming, uploads.clock)
  const { body } = await deps.answerOnce(
    { accountId, incoming },
    {
      make: async () => {
        const video = await form.take(outgoing, (file) => acceptForm(uploads, { accountId, file }))
        return { status: 200, headers: {}, body: formatSuccess(presentVideo(video, request.publicUrl)) }
      },
      isThere: (kept) =>
        videoIsThere(uploads.db)(accountId, (JSON.parse(kept.body) as { result: unknown }).result),
    },
  )
  sendForm(outgoing, body)
}

/** The answer to a form that was taken. */
export function answerForm(outgoing: ServerResponse, result: unknown): void {
  sendForm(outgoing, formatSuccess(result))
}

function sendForm(outgoing: ServerResponse, text: string): void {
  const body = Buffer.from(text)
  outgoing.writeHead(200, {
    'content-type': 'application/json',
    'content-length': body.length,
    'cache-control': 'no-store',
  })
  outgoing.end(body)
}

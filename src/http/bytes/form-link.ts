/**
 * One-time form links: `POST <public>/upload/<uid>`, by anybody, from any page (uploads.md §5). The address is the only
 * credential; no other is looked at.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { holdFormLink, type UploadDeps } from '../../core/uploads/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { ByteRequest, ByteRoute } from '../route.ts'
import { UPLOAD_CORS_HEADERS } from '../tus-headers.ts'
import { answerForm } from './form.ts'
import { announcedBytes, FormReader, isForm } from './read-form.ts'

/** The address of a link. */
export function formLinkUrl(publicUrl: string, uid: string): string {
  return `${publicUrl}/upload/${uid}`
}

/** The route of the links. */
export function formLinkRoutes(deps: { readonly uploads: UploadDeps }): ByteRoute[] {
  return [
    {
      pattern: /^\/upload\/(?<uid>[^/]+)$/,
      failures: 'envelope',
      handle: (request, incoming, outgoing) => handleLink(deps.uploads, request, incoming, outgoing),
    },
  ]
}

async function handleLink(
  uploads: UploadDeps,
  request: ByteRequest,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(UPLOAD_CORS_HEADERS)) outgoing.setHeader(name, value)
  if (request.method === 'OPTIONS') {
    outgoing.writeHead(204).end()
    return
  }
  checkRequest(request, incoming)
  const form = new FormReader(incoming, uploads.clock)
  const link = await holdFormLink(uploads, request.params.uid ?? '', {
    announcedBytes: announcedBytes(incoming),
    sender: form,
    signal: request.signal,
  })
  try {
    const { uid } = await form.take(outgoing, (file) => link.accept(file))
    answerForm(outgoing, { uid })
  } finally {
    link.release()
  }
}

function checkRequest(request: ByteRequest, incoming: IncomingMessage): void {
  const { headers } = incoming
  const tus = headers['tus-resumable'] !== undefined || headers['upload-length'] !== undefined
  if (request.method !== 'POST' || tus) {
    throw new HeadwaterError(
      'method_not_allowed',
      tus
        ? 'This link takes one form with the file and does not speak tus; `POST …/stream?direct_user=true` makes links that do.'
        : 'An upload link takes POST with multipart/form-data.',
      { facts: { allow: 'POST, OPTIONS' } },
    )
  }
  if (isForm(incoming)) return
  throw new HeadwaterError(
    'unsupported_media_type',
    'An upload link takes multipart/form-data with the file in its part `file`.',
  )
}

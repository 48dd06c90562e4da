/** The creation of tus uploads: ordinary ones, with data or without, parts, and those put together from parts. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  createFinal,
  createUpload,
  createUploadWithChunk,
  getUpload,
  type NewVideo,
  type Upload,
} from '../../core/uploads/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { headerText } from '../header-text.ts'
import type { ByteRequest } from '../route.ts'
import { authorise } from '../sign-in.ts'
import { type Concat, locationOf, parseConcat } from './tus-addresses.ts'
import {
  bodyLength,
  breakOff,
  checkVersion,
  CHUNK_TYPE,
  contentType,
  endEmpty,
  expiryOf,
  readChunk,
  readCount,
  setHeaders,
  type TusDeps,
} from './tus-message.ts'

/** Answers `POST` on the account's video list that is no form. */
export async function handleCreation(
  deps: TusDeps,
  request: ByteRequest,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const accountId = request.params.account ?? ''
  const principal = await deps.signIn(incoming)
  await authorise(deps.uploads.db, principal, { accountId, permission: 'write' })
  deps.countRequest(principal.tokenId)
  checkVersion(incoming)
  refuseDeferredLength(incoming)
  try {
    const { headers } = await deps.answerOnce(
      { accountId, incoming },
      {
        make: async () => {
          const { upload, took } = await create(deps, request, incoming, outgoing)
          // What names the upload, for whoever repeats the request; an answer to a creation has no body.
          return { status: 201, headers: headersOf(request, upload, took), body: upload.id }
        },
        isThere: async (kept) => (await getUpload(deps.uploads.db, kept.body)) !== undefined,
      },
    )
    setHeaders(outgoing, headers)
    endEmpty(outgoing, 201)
  } catch (error) {
    if (error !== BROKEN) throw error
    breakOff(incoming, outgoing)
  }
}

/** Thrown when the bytes that came with a creation broke off; then nothing was created. */
const BROKEN = new Error('The bytes of a creation broke off.')

function headersOf(request: ByteRequest, upload: Upload, took: boolean): Record<string, string> {
  return {
    location: locationOf(upload, request.publicUrl),
    ...(upload.videoUid === null ? {} : { 'stream-media-id': upload.videoUid }),
    ...expiryOf(upload),
    ...(took ? { 'upload-offset': String(upload.offsetBytes) } : {}),
  }
}

/** The new upload, and whether bytes came with its creation. Throws `BROKEN` when these broke off. */
async function create(
  deps: TusDeps,
  request: ByteRequest,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<{ readonly upload: Upload; readonly took: boolean }> {
  const video: NewVideo = {
    accountId: request.params.account ?? '',
    direct: readFlag(request.query, 'direct_user'),
    metadata: headerText(incoming, 'upload-metadata'),
    creator: headerText(incoming, 'upload-creator'),
  }
  const concat = readConcat(incoming, request.publicUrl)
  const withChunk = contentType(incoming) === CHUNK_TYPE
  if (concat?.kind === 'final') {
    if (withChunk && bodyLength(incoming) !== 0) throw finalWithBytes()
    const { header, parts } = concat
    return { upload: await createFinal(deps.uploads, { ...video, concat: header, parts }), took: false }
  }
  const creation = {
    ...video,
    lengthBytes: readCount(incoming, 'Upload-Length'),
    partial: concat?.kind === 'partial',
  }
  if (!withChunk) return { upload: await createUpload(deps.uploads, creation), took: false }
  const chunk = readChunk(deps, incoming, outgoing)
  const { upload, whole } = await createUploadWithChunk(deps.uploads, creation, chunk, request)
  if (!whole) throw BROKEN
  return { upload, took: true }
}

function readConcat(incoming: IncomingMessage, publicUrl: string): Concat | undefined {
  const header = headerText(incoming, 'upload-concat')
  return header === undefined ? undefined : parseConcat(header, publicUrl)
}

function finalWithBytes(): HeadwaterError {
  return new HeadwaterError(
    'upload_is_final',
    'an upload that is put together from others (Upload-Concat: final) takes no bytes of its own',
  )
}

function refuseDeferredLength(incoming: IncomingMessage): void {
  if (incoming.headers['upload-defer-length'] === undefined) return
  throw new HeadwaterError(
    'bad_request',
    'Upload-Defer-Length is not offered: the file size must be known, send it as Upload-Length.',
  )
}

/** A boolean of the query, api.md §1.2. */
function readFlag(query: URLSearchParams, name: string): boolean {
  const value = query.getAll(name).at(-1) ?? ''
  if (value === 'true' || value === '1') return true
  if (value === 'false' || value === '0' || value === '' || value === 'undefined') return false
  throw new HeadwaterError('bad_request', `\`${name}\` must be true or false.`, { facts: { field: name } })
}

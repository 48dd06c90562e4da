/**
 * The tus 1.0.0 routes: creation beside the video list, and the two kinds of upload addresses. Rules and refusals are
 * the core's; here headers become its arguments and its answers become headers. Refusals leave the body unread.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  CHECKSUM_ALGORITHMS,
  type Chunk,
  createUpload,
  createUploadWithChunk,
  findUpload,
  MAX_UPLOAD_BYTES,
  type NewUpload,
  parseUploadChecksum,
  receiveChunk,
  terminateUpload,
  type Upload,
  type UploadAddress,
  type UploadDeps,
} from '../../core/uploads/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { headerText } from '../header-text.ts'
import type { ByteHandler, ByteRequest, ByteRoute } from '../route.ts'
import { authorise, type SignIn } from '../sign-in.ts'
import { TUS_ANSWER_HEADERS, UPLOAD_CORS_HEADERS } from '../tus-headers.ts'
import { requestBody } from './body-batches.ts'
import { isFormUpload } from './form.ts'

export type TusDeps = {
  readonly uploads: UploadDeps
  readonly signIn: SignIn
}

const CREATION = /^\/client\/v4\/accounts\/(?<account>[^/]+)\/stream$/
const ACCOUNT_ADDRESS = /^\/client\/v4\/accounts\/(?<account>[^/]+)\/media\/(?<id>[^/]+)$/
const DIRECT_ADDRESS = /^\/upload\/tus\/(?<id>[^/]+)$/

const EXTENSIONS = 'creation,creation-with-upload,expiration,checksum,termination'
const CHUNK_TYPE = 'application/offset+octet-stream'

/** The tus routes. `POST` with `multipart/form-data` and no tus header is left to the form route. */
export function tusRoutes(deps: TusDeps): ByteRoute[] {
  return [
    {
      pattern: CREATION,
      accepts: (method, incoming) => method === 'OPTIONS' || (method === 'POST' && !isFormUpload(incoming)),
      failures: 'tus',
      handle: tusHandler((request, incoming, outgoing) => handleCreation(deps, request, incoming, outgoing)),
    },
    {
      pattern: ACCOUNT_ADDRESS,
      failures: 'tus',
      handle: tusHandler(async (request, incoming, outgoing) => {
        const method = addressMethod(request, incoming)
        const accountId = request.params.account ?? ''
        await authorise(deps.uploads.db, await deps.signIn(incoming), { accountId, permission: 'write' })
        const address = { id: request.params.id ?? '', accountId }
        return handleAddress(deps, { ...request, method }, incoming, outgoing, address)
      }),
    },
    {
      pattern: DIRECT_ADDRESS,
      failures: 'tus',
      handle: tusHandler((request, incoming, outgoing) => {
        const method = addressMethod(request, incoming)
        // The address is the credential: no other is looked at.
        const address = { id: request.params.id ?? '', accountId: null }
        return handleAddress(deps, { ...request, method }, incoming, outgoing, address)
      }),
    },
  ]
}

/** What every tus answer has, refusals too; and `OPTIONS`, for which nobody signs in. */
function tusHandler(handle: ByteHandler): ByteHandler {
  return async (request, incoming, outgoing) => {
    setHeaders(outgoing, { ...TUS_ANSWER_HEADERS, ...UPLOAD_CORS_HEADERS })
    if (request.method !== 'OPTIONS') return handle(request, incoming, outgoing)
    setHeaders(outgoing, {
      'tus-version': '1.0.0',
      'tus-max-size': String(MAX_UPLOAD_BYTES),
      'tus-extension': EXTENSIONS,
      'tus-checksum-algorithm': CHECKSUM_ALGORITHMS,
    })
    endEmpty(outgoing, 204)
  }
}

async function handleCreation(
  deps: TusDeps,
  request: ByteRequest,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const accountId = request.params.account ?? ''
  await authorise(deps.uploads.db, await deps.signIn(incoming), { accountId, permission: 'write' })
  checkVersion(incoming)
  const creation = readCreation(request, incoming, accountId)
  const withChunk = contentType(incoming) === CHUNK_TYPE
  let upload: Upload
  if (withChunk) {
    const chunk = readChunk(deps, incoming, outgoing)
    const received = await createUploadWithChunk(deps.uploads, creation, chunk, request)
    if (!received.whole) return breakOff(incoming, outgoing)
    upload = received.upload
  } else {
    upload = await createUpload(deps.uploads, creation)
  }
  setHeaders(outgoing, {
    location: upload.direct
      ? `${request.publicUrl}/upload/tus/${upload.id}`
      : `${request.publicUrl}/client/v4/accounts/${accountId}/media/${upload.id}?tusv2=true`,
    'stream-media-id': upload.videoUid,
    ...expiryOf(upload),
    ...(withChunk ? { 'upload-offset': String(upload.offsetBytes) } : {}),
  })
  endEmpty(outgoing, 201)
}

async function handleAddress(
  deps: TusDeps,
  request: ByteRequest,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  address: UploadAddress,
): Promise<void> {
  checkVersion(incoming)
  if (request.method === 'HEAD') return answerHead(deps, request, outgoing, address)
  if (request.method === 'PATCH') return handlePatch(deps, request, incoming, outgoing, address)
  await terminateUpload(deps.uploads, address, request)
  endEmpty(outgoing, 204)
}

async function answerHead(
  deps: TusDeps,
  request: ByteRequest,
  outgoing: ServerResponse,
  address: UploadAddress,
): Promise<void> {
  const upload = await findUpload(deps.uploads, address, request)
  setHeaders(outgoing, {
    'upload-offset': String(upload.offsetBytes),
    'upload-length': String(upload.lengthBytes),
    'cache-control': 'no-store',
    ...(upload.metadata === null ? {} : { 'upload-metadata': upload.metadata }),
    ...expiryOf(upload),
  })
  endEmpty(outgoing, 200)
}

async function handlePatch(
  deps: TusDeps,
  request: ByteRequest,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  address: UploadAddress,
): Promise<void> {
  if (contentType(incoming) !== CHUNK_TYPE) {
    throw new HeadwaterError(
      'unsupported_media_type',
      `PATCH takes Content-Type ${CHUNK_TYPE}, not ${contentType(incoming) || 'a request without one'}.`,
    )
  }
  const offsetBytes = readCount(incoming, 'upload-offset')
  const chunk = { address, offsetBytes, ...readChunk(deps, incoming, outgoing) }
  const { upload, whole } = await receiveChunk(deps.uploads, chunk, request)
  if (!whole) return breakOff(incoming, outgoing)
  setHeaders(outgoing, { 'upload-offset': String(upload.offsetBytes), ...expiryOf(upload) })
  endEmpty(outgoing, 204)
}

/** The body broke off. Nobody listens, or a silent sender must learn that another request has gone on without it. */
function breakOff(incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (incoming.destroyed || incoming.socket.destroyed) {
    outgoing.destroy()
    return
  }
  throw new HeadwaterError(
    'upload_locked',
    'this request sent nothing for a while and another one has gone on with the upload; ask with HEAD',
  )
}

function readCreation(request: ByteRequest, incoming: IncomingMessage, accountId: string): NewUpload {
  if (incoming.headers['upload-defer-length'] !== undefined) {
    throw new HeadwaterError(
      'bad_request',
      'Upload-Defer-Length is not offered: the file size must be known, send it as Upload-Length.',
    )
  }
  if (incoming.headers['upload-concat'] !== undefined) {
    throw new HeadwaterError(
      'bad_request',
      'Upload-Concat is not offered by this server (see Tus-Extension of OPTIONS); send the file as one upload.',
    )
  }
  return {
    accountId,
    lengthBytes: readCount(incoming, 'upload-length'),
    direct: readFlag(request.query, 'direct_user'),
    metadata: headerText(incoming, 'upload-metadata'),
    creator: headerText(incoming, 'upload-creator'),
  }
}

/** The body of a request that brings bytes, and what its headers say of it. */
function readChunk(
  deps: TusDeps,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Omit<Chunk, 'address' | 'offsetBytes'> {
  return {
    chunkBytes: bodyLength(incoming),
    checksum: parseUploadChecksum(headerText(incoming, 'upload-checksum')),
    body: requestBody(incoming, outgoing, deps.uploads),
  }
}

/** tus 1.0.0: the header is needed in every request except OPTIONS. */
function checkVersion(incoming: IncomingMessage): void {
  const version = incoming.headers['tus-resumable']
  if (version === '1.0.0') return
  throw new HeadwaterError(
    'tus_version_unsupported',
    `The header Tus-Resumable must say 1.0.0${version === undefined ? ', it is missing' : ''}.`,
  )
}

/** The method meant: clients that cannot send PATCH or DELETE send POST and say so (tus 1.0.0). Throws for all others. */
function addressMethod(request: ByteRequest, incoming: IncomingMessage): string {
  const override = headerText(incoming, 'x-http-method-override')
  const method = request.method === 'POST' && override ? override.toUpperCase() : request.method
  if (method === 'HEAD' || method === 'PATCH' || method === 'DELETE') return method
  throw new HeadwaterError('method_not_allowed', 'An upload address takes HEAD, PATCH and DELETE.', {
    facts: { allow: 'OPTIONS, HEAD, PATCH, DELETE' },
  })
}

function readCount(incoming: IncomingMessage, name: string): number {
  const text = headerText(incoming, name)
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text)
  // More digits than any file has: told as too large, not as malformed.
  if (text !== undefined && /^\d+$/.test(text)) return Number.MAX_SAFE_INTEGER
  throw new HeadwaterError(
    'bad_request',
    `The header ${name === 'upload-length' ? 'Upload-Length' : 'Upload-Offset'} must be a whole number of bytes${text === undefined ? ', it is missing' : ''}.`,
  )
}

/** A boolean of the query, api.md §1.2. */
function readFlag(query: URLSearchParams, name: string): boolean {
  const value = query.getAll(name).at(-1) ?? ''
  if (value === 'true' || value === '1') return true
  if (value === 'false' || value === '0' || value === '' || value === 'undefined') return false
  throw new HeadwaterError('bad_request', `\`${name}\` must be true or false.`, { facts: { field: name } })
}

/** Bytes the body will have; undefined when it is sent in chunked transfer coding (RFC 9112 §6.3). */
function bodyLength(incoming: IncomingMessage): number | undefined {
  if (incoming.headers['transfer-encoding'] !== undefined) return undefined
  return Number(incoming.headers['content-length'] ?? 0)
}

function contentType(incoming: IncomingMessage): string {
  return (incoming.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

function expiryOf(upload: Upload): Record<string, string> {
  if (upload.state !== 'receiving') return {}
  return { 'upload-expires': new Date(upload.expiresUs / 1000).toUTCString() }
}

function setHeaders(outgoing: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value)
}

/** RFC 9110 §8.6: a 204 has no Content-Length. */
function endEmpty(outgoing: ServerResponse, status: number): void {
  outgoing.statusCode = status
  if (status !== 204) outgoing.setHeader('content-length', 0)
  outgoing.end()
}

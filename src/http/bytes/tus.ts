/**
 * The tus 1.0.0 routes: creation beside the video list, and the two kinds of upload addresses. Rules and refusals are
 * the core's; here headers become its arguments and its answers become headers. Refusals leave the body unread.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  CHECKSUM_ALGORITHMS,
  findUpload,
  MAX_UPLOAD_BYTES,
  receiveChunk,
  terminateUpload,
  type UploadAddress,
} from '../../core/uploads/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { headerText } from '../header-text.ts'
import type { ByteHandler, ByteRequest, ByteRoute } from '../route.ts'
import { authorise } from '../sign-in.ts'
import { TUS_ANSWER_HEADERS, UPLOAD_CORS_HEADERS } from '../tus-headers.ts'
import { BatchShare } from './body-batches.ts'
import type { CreationDeps } from './creation-deps.ts'
import { isFormUpload } from './form.ts'
import { ACCOUNT_ADDRESS, CREATION, DIRECT_ADDRESS } from './tus-addresses.ts'
import { handleCreation } from './tus-creation.ts'
import {
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

const EXTENSIONS = 'creation,creation-with-upload,expiration,checksum,termination,concatenation'

/** The tus routes. `POST` with `multipart/form-data` and no tus header is left to the form route. */
export function tusRoutes(given: CreationDeps): ByteRoute[] {
  const deps = { ...given, share: new BatchShare() }
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
    ...(upload.concat === null ? {} : { 'upload-concat': upload.concat }),
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
  const offsetBytes = readCount(incoming, 'Upload-Offset')
  const chunk = { address, offsetBytes, ...readChunk(deps, incoming, outgoing) }
  const { upload, whole } = await receiveChunk(deps.uploads, chunk, request)
  if (!whole) return breakOff(incoming, outgoing)
  setHeaders(outgoing, { 'upload-offset': String(upload.offsetBytes), ...expiryOf(upload) })
  endEmpty(outgoing, 204)
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

/** Headers of tus requests as arguments of the core, and what it answers as headers. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Chunk, parseUploadChecksum, type Upload } from '../../core/uploads/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { headerText } from '../header-text.ts'
import { type BatchShare, requestBody } from './body-batches.ts'
import type { CreationDeps } from './creation-deps.ts'

/** What answering tus requests takes. */
export type TusDeps = CreationDeps & { readonly share: BatchShare }

/** The content type of a body that is bytes of an upload. */
export const CHUNK_TYPE = 'application/offset+octet-stream'

/** tus 1.0.0: the header is needed in every request except OPTIONS. Throws `tus_version_unsupported`. */
export function checkVersion(incoming: IncomingMessage): void {
  const version = incoming.headers['tus-resumable']
  if (version === '1.0.0') return
  throw new HeadwaterError(
    'tus_version_unsupported',
    `The header Tus-Resumable must say 1.0.0${version === undefined ? ', it is missing' : ''}.`,
  )
}

/** A header that counts bytes. Throws `bad_request` when it is missing or no whole number. */
export function readCount(incoming: IncomingMessage, name: 'Upload-Length' | 'Upload-Offset'): number {
  const text = headerText(incoming, name.toLowerCase())
  if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text)
  // More digits than any file has: told as too large, not as malformed.
  if (text !== undefined && /^\d+$/.test(text)) return Number.MAX_SAFE_INTEGER
  throw new HeadwaterError(
    'bad_request',
    `The header ${name} must be a whole number of bytes${text === undefined ? ', it is missing' : ''}.`,
  )
}

/** The body of a request that brings bytes, and what its headers say of it. Throws `bad_request` (`Upload-Checksum`). */
export function readChunk(
  deps: TusDeps,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Omit<Chunk, 'address' | 'offsetBytes'> {
  return {
    chunkBytes: bodyLength(incoming),
    checksum: parseUploadChecksum(headerText(incoming, 'upload-checksum')),
    body: requestBody(incoming, outgoing, { clock: deps.uploads.clock, share: deps.share }),
  }
}

/** Bytes the body will have; undefined when it is sent in chunked transfer coding (RFC 9112 §6.3). */
export function bodyLength(incoming: IncomingMessage): number | undefined {
  if (incoming.headers['transfer-encoding'] !== undefined) return undefined
  return Number(incoming.headers['content-length'] ?? 0)
}

/** The content type without its parameters, in lower case; `''` if there is none. */
export function contentType(incoming: IncomingMessage): string {
  return (incoming.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}

/** `Upload-Expires` of an upload whose bytes have an end of their own: an unfinished one, or a part of others. */
export function expiryOf(upload: Upload): Record<string, string> {
  if (upload.state !== 'receiving' && upload.videoUid !== null) return {}
  return { 'upload-expires': new Date(upload.expiresUs / 1000).toUTCString() }
}

/** Sets several headers. */
export function setHeaders(outgoing: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value)
}

/** Ends an answer that has no body. RFC 9110 §8.6: a 204 has no Content-Length. */
export function endEmpty(outgoing: ServerResponse, status: number): void {
  outgoing.statusCode = status
  if (status !== 204) outgoing.setHeader('content-length', 0)
  outgoing.end()
}

/** The body broke off. Nobody listens, or a silent sender must learn that another request has gone on without it. */
export function breakOff(incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (incoming.destroyed || incoming.socket.destroyed) {
    outgoing.destroy()
    return
  }
  throw new HeadwaterError(
    'upload_locked',
    'this request sent nothing for a while and another one has gone on with the upload; ask with HEAD',
  )
}

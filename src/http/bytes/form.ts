/**
 * The basic form upload: `multipart/form-data` with a part `file`, streamed to a draft as it arrives. Rules are the
 * core's; here the form is taken apart.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy'
import { acceptForm, checkFormUpload, type FormFile, type UploadDeps } from '../../core/uploads/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Clock } from '../../ports.ts'
import { formatSuccess } from '../envelope.ts'
import { presentVideo } from '../present-video.ts'
import type { ByteRequest, ByteRoute } from '../route.ts'
import { authorise, type SignIn } from '../sign-in.ts'
import { BodyBatches } from './body-batches.ts'

export type FormDeps = {
  readonly uploads: UploadDeps
  readonly signIn: SignIn
}

/** Beside the file nothing in a form is read, so little of it is held. */
const FORM_LIMITS = { fieldSize: 4_096, fields: 100, parts: 200, headerPairs: 64, headerSize: 16_384 }

/** Whether a `POST` on the stream path is a form upload and not a tus creation (api.md §4.2). */
export function isFormUpload(incoming: IncomingMessage): boolean {
  const { headers } = incoming
  return (
    /^multipart\/form-data\b/i.test((headers['content-type'] ?? '').trim()) &&
    headers['upload-length'] === undefined &&
    headers['tus-resumable'] === undefined
  )
}

/** The form route. It must stand before or after the tus routes; the two take different requests. */
export function formRoutes(deps: FormDeps): ByteRoute[] {
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
  deps: FormDeps,
  request: ByteRequest,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { uploads } = deps
  const accountId = request.params.account ?? ''
  await authorise(uploads.db, await deps.signIn(incoming), { accountId, permission: 'write' })
  const length = incoming.headers['content-length']
  await checkFormUpload(uploads, {
    accountId,
    announcedBytes: length === undefined ? undefined : Number(length),
  })
  const form = new FormReader(incoming, uploads.clock)
  if (incoming.headers.expect?.toLowerCase() === '100-continue') outgoing.writeContinue()
  try {
    const file = await form.file()
    const video = await acceptForm(uploads, { accountId, file })
    await form.end()
    const body = Buffer.from(formatSuccess(presentVideo(video, request.publicUrl)))
    outgoing.writeHead(200, {
      'content-type': 'application/json',
      'content-length': body.length,
      'cache-control': 'no-store',
    })
    outgoing.end(body)
  } finally {
    form.close()
  }
}

/** Takes one form apart: its first part `file`, everything else thrown away. Holds no file and no timer. */
class FormReader {
  readonly #incoming: IncomingMessage
  readonly #clock: Clock
  readonly #parser: BusboyInstance
  readonly #ended: Promise<void>
  #found: FormFile | undefined
  #body: BodyBatches | undefined

  constructor(incoming: IncomingMessage, clock: Clock) {
    this.#incoming = incoming
    this.#clock = clock
    this.#parser = openParser(incoming)
    this.#ended = new Promise((resolve) => {
      const end = () => {
        // A file that has not ended by now never will.
        this.#body?.stop()
        resolve()
      }
      this.#parser.once('finish', end)
      // Errors come more than once when a form is torn in the middle of a part.
      this.#parser.on('error', end)
      incoming.once('error', end)
      incoming.once('close', () => {
        // After its last byte the parser may still be at work; that ends with `finish`.
        if (!incoming.readableEnded) end()
      })
    })
  }

  /** The first part named `file`. Throws `bad_request` when the form has none. */
  async file(): Promise<FormFile> {
    const found = new Promise<void>((resolve) => {
      this.#parser.on('file', (field, stream, name) => {
        if (field !== 'file' || this.#body) {
          drain(stream)
          return
        }
        this.#body = new BodyBatches(stream, { clock: this.#clock })
        this.#found = { name: name || null, body: this.#body }
        resolve()
      })
    })
    this.#incoming.pipe(this.#parser)
    await Promise.race([found, this.#ended])
    if (this.#found) return this.#found
    throw new HeadwaterError('bad_request', 'The form has no part named `file`.', {
      facts: { field: 'file' },
    })
  }

  /** Resolves when the rest of the form has been read (or will never come). */
  end(): Promise<void> {
    return this.#ended
  }

  /** Stops reading; what still comes is the connection's business. */
  close(): void {
    this.#incoming.unpipe(this.#parser)
    this.#body?.stop()
  }
}

function openParser(incoming: IncomingMessage): BusboyInstance {
  try {
    return Busboy({
      headers: { ...incoming.headers, 'content-type': incoming.headers['content-type'] ?? '' },
      fileHwm: 262_144,
      limits: FORM_LIMITS,
      // Clients that send the file from memory name no file; it is one all the same.
      isPartAFile: (field, _type, name) => field === 'file' || name !== undefined,
    })
  } catch (cause) {
    throw new HeadwaterError('bad_request', 'The Content-Type of the form names no boundary.', { cause })
  }
}

/** A torn form ends parts with an error, which must not count as unhandled. */
function drain(stream: BusboyFileStream): void {
  stream.on('error', () => undefined)
  stream.resume()
}

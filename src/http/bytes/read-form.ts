/** Takes a multipart form apart as it arrives: its first part `file` and its short texts, everything else thrown away. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy'
import { type FormFile, formTooLarge, MAX_FORM_BYTES, type Sender } from '../../core/uploads/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Clock } from '../../ports.ts'
import { BodyBatches } from './body-batches.ts'

/** Beside the file only short texts are read, so little of a form is held. */
const FORM_LIMITS = { fieldSize: 4_096, fields: 100, parts: 200, headerPairs: 64, headerSize: 16_384 }

/** Whether the body of a request is a form. */
export function isForm(incoming: IncomingMessage): boolean {
  return /^multipart\/form-data\b/i.test((incoming.headers['content-type'] ?? '').trim())
}

/** `Content-Length`, if there is one. */
export function announcedBytes(incoming: IncomingMessage): number | undefined {
  const length = incoming.headers['content-length']
  return length === undefined ? undefined : Number(length)
}

/** How large a form as a whole may be, and how one that is larger is refused. */
export type FormLimit = { readonly maxBytes: number; readonly tooLarge: () => HeadwaterError }

const FILM_LIMIT: FormLimit = { maxBytes: MAX_FORM_BYTES, tooLarge: formTooLarge }

/** One form. Holds no file and no timer, and reads nothing before `take`. */
export class FormReader implements Sender {
  readonly #incoming: IncomingMessage
  readonly #clock: Clock
  readonly #parser: BusboyInstance
  readonly #limit: FormLimit
  /** Resolved when no more of the form will be read. */
  readonly #ended = Promise.withResolvers<void>()
  readonly #texts = new Map<string, string>()
  #startedMs: number | undefined
  #bytes = 0
  #file: { readonly name: string | null; readonly body: BodyBatches } | undefined
  #stopped = false

  /** Throws `bad_request` for a form whose type names no boundary. */
  constructor(incoming: IncomingMessage, clock: Clock, limit: FormLimit = FILM_LIMIT) {
    this.#incoming = incoming
    this.#limit = limit
    this.#clock = clock
    this.#parser = openParser(incoming)
    const end = () => {
      // A file that has not ended by now never will.
      this.#file?.body.stop()
      this.#ended.resolve()
    }
    this.#parser.once('finish', end)
    // Errors come more than once when a form is torn in the middle of a part.
    this.#parser.on('error', end)
    incoming.once('error', end)
    incoming.once('close', () => {
      // After its last byte the parser may still be at work; that ends with `finish`.
      if (!incoming.readableEnded) end()
    })
  }

  /**
   * Hands the first part named `file` to `accept`, reads the rest of the form, and answers what `accept` did. A client
   * that asked whether to send (`Expect: 100-continue`) is told to. Throws `bad_request` when there is no such part,
   * `payload_too_large` when the form as a whole goes on beyond its limit, and what `accept` throws.
   */
  async take<T>(outgoing: ServerResponse, accept: (file: FormFile) => Promise<T>): Promise<T> {
    return await this.takeAny(outgoing, async (file) => {
      if (file !== undefined) return await accept(file)
      throw new HeadwaterError('bad_request', 'The form has no part named `file`.', {
        facts: { field: 'file' },
      })
    })
  }

  /** The same for forms that may do without a file: `accept` is told so once the form has ended. */
  async takeAny<T>(outgoing: ServerResponse, accept: (file: FormFile | undefined) => Promise<T>): Promise<T> {
    const found = this.#findFile()
    if (this.#incoming.headers.expect?.toLowerCase() === '100-continue') outgoing.writeContinue()
    this.#startedMs = this.#clock.monotonicMs()
    this.#incoming.on('data', this.#count)
    this.#incoming.pipe(this.#parser)
    try {
      await Promise.race([found, this.#ended.promise])
      const accepted = await accept(this.#file)
      await this.#ended.promise
      return accepted
    } catch (error) {
      throw this.#bytes > this.#limit.maxBytes ? this.#limit.tooLarge() : error
    } finally {
      this.stop()
    }
  }

  /** Its text parts by their names in lower case, of equal ones the last; complete once `take` has answered. */
  get texts(): ReadonlyMap<string, string> {
    return this.#texts
  }

  get state(): Sender['state'] {
    if (this.#file) return this.#file.body.state
    return this.#stopped ? 'broken' : 'open'
  }

  silentMs(): number {
    if (this.#file) return this.#file.body.silentMs()
    if (this.#incoming.destroyed) return Number.POSITIVE_INFINITY
    // Whatever stands before the file is short.
    return this.#startedMs === undefined ? 0 : this.#clock.monotonicMs() - this.#startedMs
  }

  /** Stops reading; what still comes is the connection's business. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#incoming.off('data', this.#count)
    this.#incoming.unpipe(this.#parser)
    this.#file?.body.stop()
    this.#ended.resolve()
  }

  /** A form without `Content-Length` shows only on the way that it is too large. */
  readonly #count = (bytes: Uint8Array): void => {
    this.#bytes += bytes.length
    if (this.#bytes > this.#limit.maxBytes) this.stop()
  }

  #findFile(): Promise<void> {
    this.#parser.on('field', (name, value) => this.#texts.set(name.toLowerCase(), value))
    return new Promise((resolve) => {
      this.#parser.on('file', (field, stream, name) => {
        if (field !== 'file' || this.#file) {
          drain(stream)
          return
        }
        this.#file = { name: name || null, body: new BodyBatches(stream, { clock: this.#clock }) }
        resolve()
      })
    })
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

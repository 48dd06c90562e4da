/** Texts sent in fewer bytes to clients that take them so (RFC 9110 §8.4). */

import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

export type Coding = 'br' | 'gzip'

/** A text as it is sent; undefined: as it is. */
export type CodedText = { readonly bytes: Buffer; readonly etag: string; readonly coding: Coding | undefined }

/** Whether a client takes it (RFC 9110 §12.5.3; a quality of 0 means "not this one"). `accepted`: its `Accept-Encoding`. */
export function accepts(accepted: string, coding: Coding): boolean {
  return new RegExp(`(?:^|[,\\s])${coding}(?!\\s*;\\s*q=0(?:\\.0*)?\\s*(?:,|$))`).test(accepted)
}

/** One text in every form that somebody has asked for: each is made once, beside the event loop. */
export class CodedForms {
  readonly #plain: CodedText
  readonly #made = new Map<Coding, Promise<CodedText>>()

  /** `etag`: quoted. */
  constructor(bytes: Buffer, etag: string) {
    this.#plain = { bytes, etag, coding: undefined }
  }

  /** Whether it is long enough to be made smaller: what fits into some packets is there as soon as it is. */
  get isLong(): boolean {
    return this.#plain.bytes.byteLength >= LEAST_BYTES
  }

  get sizeBytes(): number {
    return this.#plain.bytes.byteLength
  }

  /** The smallest form that the client takes. */
  for(accepted: string): Promise<CodedText> | CodedText {
    const coding = (['br', 'gzip'] as const).find((each) => accepts(accepted, each))
    if (coding === undefined || !this.isLong) return this.#plain
    const known = this.#made.get(coding) ?? this.#make(coding)
    this.#made.set(coding, known)
    return known
  }

  async #make(coding: Coding): Promise<CodedText> {
    const { bytes, etag } = this.#plain
    const coded = await (coding === 'br' ? brotli(bytes, BROTLI) : deflate(bytes, GZIP))
    // Each form is another representation, so each has a tag of its own (RFC 9110 §8.8.3.3).
    return { bytes: coded, etag: `${etag.slice(0, -1)}-${coding}"`, coding }
  }
}

const brotli = promisify(brotliCompress)
const deflate = promisify(gzip)
const LEAST_BYTES = 4_096
/** Of a playlist of eight hours each takes a millisecond, and leaves a sixtieth and a thirtieth of it. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }
const GZIP = { level: 1 }

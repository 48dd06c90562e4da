/**
 * What the server and its SRT process say to each other over a pipe: frames of `length (4) · kind (1) · connection (4) ·
 * body`, integers big-endian, `length` counting what follows it. Bodies are bytes of a stream, or JSON of at most 4 KiB.
 * Either end takes what breaks these rules for a fault of the other and gives the connection up.
 */

import { HeadwaterError } from '../../lib/failure.ts'

/** Kinds of frames. Numbers are never used again for something else within a kind of build. */
export const FRAME = {
  // To the process.
  listen: 1,
  dial: 2,
  receive: 3,
  send: 4,
  hangUp: 5,
  stop: 6,
  answer: 7,
  // From the process.
  ready: 16,
  listening: 17,
  opened: 18,
  data: 19,
  closed: 20,
  full: 21,
  ask: 22,
} as const

/** The number of a kind of frame. */
export type FrameKind = (typeof FRAME)[keyof typeof FRAME]

/** One frame. */
export type Frame = { readonly kind: FrameKind; readonly connection: number; readonly body: Uint8Array }

const HEAD_BYTES = 9
/** No body is longer. */
export const MOST_BODY_BYTES = 256 * 1024
const MOST_JSON_BYTES = 4 * 1024
const KINDS: ReadonlySet<number> = new Set(Object.values(FRAME))

/** A frame's head; its body follows it on the pipe. */
export function writeFrameHead(kind: FrameKind, connection: number, bodyBytes: number): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES)
  const view = new DataView(head.buffer)
  view.setUint32(0, HEAD_BYTES - 4 + bodyBytes)
  head[4] = kind
  view.setUint32(5, connection)
  return head
}

/** A whole frame whose body is JSON; one that is too long for it is a bug. */
export function writeJsonFrame(kind: FrameKind, connection: number, value: unknown): Uint8Array {
  const body = Buffer.from(JSON.stringify(value))
  if (body.byteLength > MOST_JSON_BYTES) {
    throw new HeadwaterError('internal', `A message to or from SRT has ${body.byteLength} bytes.`)
  }
  return Buffer.concat([writeFrameHead(kind, connection, body.byteLength), body])
}

/** The object in a frame's body. Throws `live_stream_broken` when there is none. */
export function readJsonBody(body: Uint8Array): Readonly<Record<string, unknown>> {
  if (body.byteLength > MOST_JSON_BYTES) throw broken(`says ${body.byteLength} bytes of JSON`)
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString())
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>
  } catch {
    // Told below, as is what is JSON but no object.
  }
  throw broken('says what is no JSON object')
}

/** Puts frames together from what a pipe gives. Holds on to less than one. */
export class FrameReader {
  #rest: Uint8Array = new Uint8Array(0)

  /** The frames that are whole by now; bodies are views. Throws `live_stream_broken`. */
  push(bytes: Uint8Array): Frame[] {
    const all = this.#rest.byteLength === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength)
    const frames: Frame[] = []
    let at = 0
    while (all.byteLength - at >= HEAD_BYTES) {
      const length = view.getUint32(at)
      const kind = all[at + 4] ?? 0
      if (length < HEAD_BYTES - 4 || length > MOST_BODY_BYTES + HEAD_BYTES || !KINDS.has(kind)) {
        throw broken(`sends a frame of kind ${kind} with ${length} bytes`)
      }
      const end = at + 4 + length
      if (end > all.byteLength) break
      const body = all.subarray(at + HEAD_BYTES, end)
      frames.push({ kind: kind as FrameKind, connection: view.getUint32(at + 5), body })
      at = end
    }
    this.#rest = all.slice(at)
    return frames
  }
}

function broken(what: string): HeadwaterError {
  return new HeadwaterError('live_stream_broken', `The other end of the pipe to SRT ${what}.`)
}

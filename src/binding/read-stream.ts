/** Small files that come as streams: read whole, since a form with a known length can be refused before it is sent. */

import { badRequest, MaxFileSizeError } from './stream-error.ts'

/** What is used of a `ReadableStream`, so that those of Workers, browsers and Node all fit. */
export type ByteStream = {
  getReader(): {
    read(): Promise<{ done: boolean; value?: unknown }>
    cancel(reason?: unknown): Promise<void>
  }
}

/**
 * The bytes of `stream`, at most `maxBytes`. Chunks are text or bytes. Throws `MaxFileSizeError` for a longer stream,
 * `BadRequestError` for other chunks; both end the stream.
 */
export async function readStream(stream: ByteStream, maxBytes: number): Promise<Blob> {
  const reader = stream.getReader()
  const parts: Blob[] = []
  let sizeBytes = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return new Blob(parts)
      const part = new Blob([checkChunk(value)])
      sizeBytes += part.size
      if (sizeBytes > maxBytes) {
        throw new MaxFileSizeError(`Payload Too Large: the file is over ${maxBytes} bytes.`, {
          code: 10008,
          statusCode: 413,
        })
      }
      parts.push(part)
    }
  } catch (error) {
    // A stream that failed by itself refuses to be ended; what it failed with is thrown below.
    await reader.cancel(error).catch(() => undefined)
    throw error
  }
}

function checkChunk(value: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof value === 'string') return value
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength)
  }
  throw badRequest('the stream gave something that is neither text nor bytes.')
}

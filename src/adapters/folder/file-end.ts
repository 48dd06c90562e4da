/** The end of a file, where bytes are added: at once in one gathered write, or behind (`paged-end.ts`). */

import type { FileHandle } from 'node:fs/promises'
import { countBytes } from '../../lib/count-bytes.ts'

/**
 * Where a draft's bytes go; `restart` comes first, and again after anything has thrown. One call at a time. What throws does
 * so when nothing is being written any more.
 */
export interface FileEnd {
  /** Bytes that the system has, without a gap. */
  readonly writtenBytes: number
  /** Takes bytes; whoever gave them may use their memory again. Throws what a write failed with, this one or one before. */
  append(buffers: readonly Uint8Array[]): Promise<void>
  /** Returns once the system has every byte. Throws as `append` does. */
  flush(): Promise<void>
  /** Goes on from `lengthBytes`, to which the file has been cut, and forgets what failed. */
  restart(lengthBytes: number): Promise<void>
  close(): Promise<void>
}

/** Each append is one gathered write. */
export class PlainEnd implements FileEnd {
  readonly #handle: FileHandle
  #writtenBytes = 0

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  get writtenBytes(): number {
    return this.#writtenBytes
  }

  async append(buffers: readonly Uint8Array[]): Promise<void> {
    await writeFully(this.#handle, buffers, this.#writtenBytes)
    this.#writtenBytes += countBytes(buffers)
  }

  async flush(): Promise<void> {}

  async restart(lengthBytes: number): Promise<void> {
    this.#writtenBytes = lengthBytes
  }

  async close(): Promise<void> {}
}

/** One gathered write as a rule; the system may take less than offered, then the rest follows. */
export async function writeFully(
  handle: FileHandle,
  buffers: readonly Uint8Array[],
  start: number,
): Promise<void> {
  let rest = buffers.filter((buffer) => buffer.byteLength > 0)
  let position = start
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest, position)
    position += bytesWritten
    rest = withoutFirst(rest, bytesWritten)
  }
}

/** `buffers` without their first `count` bytes. */
function withoutFirst(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count
  const rest: Uint8Array[] = []
  for (const buffer of buffers) {
    if (skip < buffer.byteLength) rest.push(buffer.subarray(skip))
    skip = Math.max(0, skip - buffer.byteLength)
  }
  return rest
}

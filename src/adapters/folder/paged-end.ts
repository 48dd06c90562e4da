/**
 * Writes behind, past the system's cache. Bytes are collected in whole pages; while they are written, what comes meanwhile
 * makes the next write, so a slow sender's bytes are written as they come and a fast one's in few large writes. A direct
 * write (`O_DIRECT`) takes the bytes from our memory: it costs the system neither a copy nor memory of its own, and leaves
 * the sync after it nothing to write. Where a file system knows no direct writes these are plain ones.
 */

import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { countBytes } from '../../lib/count-bytes.ts'
import { isSystemError, readFully } from './disk.ts'
import { type FileEnd, writeFully } from './file-end.ts'
import { BUFFER_BYTES, PAGE_BYTES, type PageMemory } from './page-memory.ts'

/** Writes at a time: while one is told of, the disk has another to go on with. */
const MOST_WRITES = 2

/** Buffers that make a write, or wait to while there are writes. */
const MOST_WAITING = 2

export class PagedEnd implements FileEnd {
  readonly #handle: FileHandle
  readonly #path: string
  readonly #memory: PageMemory
  /** The same file for direct writes, if they are to be had; opened with the first write. */
  #direct: Promise<FileHandle | undefined> | undefined
  /** What was given, written or not. */
  #lengthBytes = 0
  #writtenBytes = 0
  /** Where the next write begins: at the start of a page. */
  #position = 0
  /** For the next write: the bytes from `#position` on, all full but the last. When there are none, `#tail` has those. */
  #waiting: Uint8Array[] = []
  /** Bytes in the last of them. */
  #filledBytes = 0
  /** What of the last page is there, if nothing waits. */
  readonly #tail = new Uint8Array(PAGE_BYTES)
  /** Writes under way. */
  #writes = 0
  /** The last of them, and all before: whether they have succeeded. */
  #last: Promise<boolean> = Promise.resolve(true)
  #failure: { readonly error: unknown } | undefined

  /** `handle` is open for reading and writing; `path` leads to the same file. */
  constructor(handle: FileHandle, path: string, memory: PageMemory) {
    this.#handle = handle
    this.#path = path
    this.#memory = memory
  }

  get writtenBytes(): number {
    return this.#writtenBytes
  }

  async append(buffers: readonly Uint8Array[]): Promise<void> {
    if (this.#failure) await this.#fail()
    for (const buffer of buffers) {
      let done = 0
      while (done < buffer.byteLength) {
        const target = this.#spare()
        if (target === undefined) {
          await this.#room()
          continue
        }
        const piece = buffer.subarray(done, done + BUFFER_BYTES - this.#filledBytes)
        target.set(piece, this.#filledBytes)
        this.#filledBytes += piece.byteLength
        this.#lengthBytes += piece.byteLength
        done += piece.byteLength
        if (this.#isFull) this.#begin()
      }
    }
    this.#begin()
  }

  async flush(): Promise<void> {
    this.#begin({ all: true })
    await this.#settle()
    if (this.#failure) await this.#fail()
    if (this.#writtenBytes === this.#lengthBytes) return
    await writeFully(this.#handle, [this.#tail.subarray(0, this.#tailBytes)], this.#position)
    this.#writtenBytes = this.#lengthBytes
  }

  async restart(lengthBytes: number): Promise<void> {
    await this.#settle()
    this.#drop()
    this.#failure = undefined
    this.#last = Promise.resolve(true)
    this.#lengthBytes = lengthBytes
    this.#writtenBytes = lengthBytes
    this.#position = lengthBytes - (lengthBytes % PAGE_BYTES)
    await readFully(this.#handle, this.#tail.subarray(0, this.#tailBytes), this.#position)
  }

  async close(): Promise<void> {
    await this.#settle()
    this.#drop()
    const direct = await this.#direct?.catch(() => undefined)
    await direct?.close()
  }

  /** Of the page at `#position`, if nothing waits. */
  get #tailBytes(): number {
    return this.#lengthBytes % PAGE_BYTES
  }

  /** Throws what a write failed with; there is none after it, since its bytes would be missing before them. */
  async #fail(): Promise<void> {
    await this.#settle()
    throw this.#failure?.error
  }

  /** A buffer to go on in, if there is one at once. */
  #spare(): Uint8Array | undefined {
    if (this.#waiting.length > 0 && this.#filledBytes < BUFFER_BYTES) return this.#waiting.at(-1)
    if (this.#waiting.length >= MOST_WAITING) return undefined
    const buffer = this.#memory.take()
    return buffer && this.#addWaiting(buffer)
  }

  /** Waits until there may be one: by a write of this file, which may have to be begun, or of another. */
  async #room(): Promise<void> {
    this.#begin()
    await this.#memory.wait()
    if (this.#failure) await this.#fail()
  }

  /** Adds a buffer to those that wait; what there is of a page goes along. */
  #addWaiting(buffer: Uint8Array): Uint8Array {
    this.#filledBytes = 0
    if (this.#waiting.length === 0) {
      this.#filledBytes = this.#tailBytes
      buffer.set(this.#tail.subarray(0, this.#filledBytes))
    }
    this.#waiting.push(buffer)
    return buffer
  }

  /** Writes what waits; beside another write only as much as makes a large one, if not `all`. */
  #begin({ all = false } = {}): void {
    if (this.#failure || this.#writes === MOST_WRITES) return
    if (this.#writes > 0 && !this.#isFull && !all) return
    const pages = this.#takePages()
    if (pages.length === 0) return
    this.#writes += 1
    this.#last = this.#write(pages, this.#position, this.#last)
    this.#position += countBytes(pages)
  }

  get #isFull(): boolean {
    return this.#waiting.length === MOST_WAITING && this.#filledBytes === BUFFER_BYTES
  }

  /** Every whole page that waits; what is left of one is kept as the tail. */
  #takePages(): readonly Uint8Array[] {
    const last = this.#waiting.pop()
    if (last === undefined) return []
    const tailBytes = this.#filledBytes % PAGE_BYTES
    const wholeBytes = this.#filledBytes - tailBytes
    this.#tail.set(last.subarray(wholeBytes, this.#filledBytes))
    const pages = this.#waiting
    this.#waiting = []
    if (wholeBytes > 0) pages.push(last.subarray(0, wholeBytes))
    else this.#memory.give(last)
    return pages
  }

  /** `before`: whether everything that comes before has been written. */
  async #write(pages: readonly Uint8Array[], position: number, before: Promise<boolean>): Promise<boolean> {
    let failed = false
    try {
      await this.#writeDirectly(pages, position)
    } catch (error) {
      failed = true
      this.#failure ??= { error }
    }
    for (const page of pages) this.#memory.give(page)
    this.#writes -= 1
    this.#begin()
    if (!(await before) || failed) return false
    this.#writtenBytes = position + countBytes(pages)
    return true
  }

  async #writeDirectly(pages: readonly Uint8Array[], position: number): Promise<void> {
    this.#direct ??= openDirect(this.#path)
    const direct = await this.#direct
    try {
      if (direct) return await writeFully(direct, pages, position)
    } catch (error) {
      // It wants larger pages, or took half of one because its disk is full.
      if (!isSystemError(error, 'EINVAL')) throw error
    }
    await writeFully(this.#handle, pages, position)
  }

  /** Waits until nothing is being written. */
  async #settle(): Promise<void> {
    while (this.#writes > 0) await this.#last
    await this.#last
  }

  #drop(): void {
    for (const buffer of this.#waiting) this.#memory.give(buffer)
    this.#waiting = []
  }
}

async function openDirect(path: string): Promise<FileHandle | undefined> {
  // Not every system has it.
  const direct: number | undefined = constants.O_DIRECT
  if (direct === undefined) return undefined
  try {
    return await open(path, constants.O_WRONLY | direct)
  } catch (error) {
    if (isSystemError(error, 'EINVAL', 'EOPNOTSUPP', 'ENOTSUP')) return undefined
    throw error
  }
}

/** A draft in a folder: one file that is appended to, synced, and renamed into its place. */

import { type FileHandle, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BlockChecksums, ChecksumMark } from '../../lib/block-checksums.ts'
import { assert } from '../../lib/failure.ts'
import type { BlobFacts, BlobName, Draft } from '../../ports.ts'
import { inOurWords, isSystemError, makeFolder, readFully, syncFolder } from './disk.ts'
import { EarlySync, type SyncTurn } from './early-sync.ts'
import type { FolderPaths } from './paths.ts'

/** A folder may be removed as empty between our making it and our rename; so often we try again. */
const PUBLISH_TRIES = 5

const REREAD_BYTES = 1024 * 1024

export type FolderDraftOptions = {
  readonly id: string
  readonly handle: FileHandle
  readonly paths: FolderPaths
  readonly checksums: BlockChecksums
  /** A new file's name must reach the disk with its first bytes. */
  readonly isNew: boolean
  readonly syncTurn: SyncTurn
  /** Has a path while a draft is renamed to it. */
  readonly arriving: Set<string>
}

export class FolderDraft implements Draft {
  readonly id: string
  readonly #handle: FileHandle
  readonly #paths: FolderPaths
  /** Ahead of what has been written while bytes are summed that will be. */
  readonly #checksums: BlockChecksums
  readonly #early: EarlySync
  readonly #arriving: Set<string>
  /** The end of what has been written. */
  #written: ChecksumMark
  #isAppending = false
  #nameSynced: boolean
  #closed = false

  constructor(options: FolderDraftOptions) {
    this.id = options.id
    this.#handle = options.handle
    this.#paths = options.paths
    this.#checksums = options.checksums
    this.#written = options.checksums.mark()
    this.#early = new EarlySync(options.handle, options.syncTurn)
    this.#arriving = options.arriving
    this.#nameSynced = !options.isNew
  }

  get lengthBytes(): number {
    return this.#written.lengthBytes
  }

  async append(buffers: readonly Uint8Array[], sums?: ChecksumMark): Promise<void> {
    assert(!this.#isAppending, 'a draft is appended to while it is being appended to')
    this.#isAppending = true
    try {
      const before = this.#written
      const writing = this.#write(buffers, before.lengthBytes)
      // The disk's threads write while this one computes.
      const after = sums ?? this.#sumAnew(buffers)
      const bytes = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0)
      try {
        assert(after.lengthBytes === before.lengthBytes + bytes, 'the sums are those of other bytes')
        await writing
      } catch (error) {
        this.#checksums.restore(before)
        await writing.catch(() => undefined)
        await this.#handle.truncate(before.lengthBytes)
        throw inOurWords(error)
      }
      this.#written = after
      this.#early.wrote(bytes)
    } finally {
      this.#isAppending = false
    }
  }

  sumAhead(buffers: readonly Uint8Array[]): ChecksumMark {
    for (const buffer of buffers) this.#checksums.append(buffer)
    return this.#checksums.mark()
  }

  /** From the end of what has been written, whatever was summed ahead. */
  #sumAnew(buffers: readonly Uint8Array[]): ChecksumMark {
    this.#checksums.restore(this.#written)
    return this.sumAhead(buffers)
  }

  checksums(): Uint8Array {
    this.#checksums.restore(this.#written)
    return this.#checksums.serialize()
  }

  async sync(): Promise<void> {
    try {
      await this.#early.settle()
      await Promise.all([this.#handle.datasync(), this.#nameSynced ? null : syncFolder(this.#paths.drafts)])
      this.#nameSynced = true
    } catch (error) {
      throw inOurWords(error)
    }
  }

  async truncate(lengthBytes: number): Promise<void> {
    assert(lengthBytes <= this.lengthBytes, 'a draft is truncated to less than it holds')
    await this.#handle.truncate(lengthBytes)
    this.#checksums.restore(this.#written)
    let position = this.#checksums.rewind(lengthBytes)
    while (position < lengthBytes) {
      const buffer = new Uint8Array(Math.min(REREAD_BYTES, lengthBytes - position))
      assert(
        (await readFully(this.#handle, buffer, position)) === buffer.byteLength,
        'a draft has lost bytes',
      )
      this.#checksums.append(buffer)
      position += buffer.byteLength
    }
    this.#written = this.#checksums.mark()
  }

  read(target: Uint8Array, position: number): Promise<number> {
    return readFully(this.#handle, target, position)
  }

  async publish(name: BlobName): Promise<BlobFacts> {
    try {
      const path = this.#paths.blob(name)
      await this.#early.settle()
      await this.#handle.datasync()
      this.#arriving.add(path)
      try {
        await this.#moveTo(path)
      } finally {
        this.#arriving.delete(path)
      }
      // The old name needs no sync: should it come back after a power cut, it is a leftover that the sweep removes.
      await syncFolder(dirname(path))
      return { name, sizeBytes: this.lengthBytes, checksums: this.checksums() }
    } catch (error) {
      throw inOurWords(error)
    } finally {
      await this.close()
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#handle.close()
  }

  async discard(): Promise<void> {
    await this.close()
    await rm(this.#paths.draft(this.id), { force: true })
  }

  /** One gathered write as a rule; the system may take less than offered, then the rest follows. */
  async #write(buffers: readonly Uint8Array[], start: number): Promise<void> {
    let rest = buffers.filter((buffer) => buffer.byteLength > 0)
    let position = start
    while (rest.length > 0) {
      const { bytesWritten } = await this.#handle.writev(rest, position)
      position += bytesWritten
      rest = withoutFirst(rest, bytesWritten)
    }
  }

  async #moveTo(path: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        // It fails too when the folder, or one above it, goes while it is made.
        await makeFolder(dirname(path))
        await rename(this.#paths.draft(this.id), path)
        return
      } catch (error) {
        if (!isSystemError(error, 'ENOENT') || attempt === PUBLISH_TRIES) throw error
      }
    }
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

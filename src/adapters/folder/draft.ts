/** A draft in a folder: one file that is appended to, synced, and renamed into its place. */

import { type FileHandle, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BlockChecksums } from '../../lib/block-checksums.ts'
import { assert } from '../../lib/failure.ts'
import type { BlobFacts, BlobName, Draft } from '../../ports.ts'
import { inOurWords, isSystemError, makeFolder, readFully, syncFolder } from './disk.ts'
import type { FileEnd } from './file-end.ts'
import type { FolderPaths } from './paths.ts'

/** A folder may be removed as empty between our making it and our rename; so often we try again. */
const PUBLISH_TRIES = 5

const REREAD_BYTES = 1024 * 1024

export type FolderDraftOptions = {
  readonly id: string
  readonly handle: FileHandle
  /** Of the same file. */
  readonly end: FileEnd
  /** Is told when nothing more will be written. */
  readonly closed: () => void
  readonly paths: FolderPaths
  readonly checksums: BlockChecksums
  /** A new file's name must reach the disk with its first bytes. */
  readonly isNew: boolean
  /** Has a path while a draft is renamed to it. */
  readonly arriving: Set<string>
}

export class FolderDraft implements Draft {
  readonly id: string
  readonly #handle: FileHandle
  readonly #end: FileEnd
  readonly #tellClosed: () => void
  readonly #paths: FolderPaths
  /** Of everything that was appended. */
  readonly #checksums: BlockChecksums
  readonly #arriving: Set<string>
  #isAppending = false
  #nameSynced: boolean
  #closed = false

  constructor(options: FolderDraftOptions) {
    this.id = options.id
    this.#handle = options.handle
    this.#end = options.end
    this.#tellClosed = options.closed
    this.#paths = options.paths
    this.#checksums = options.checksums
    this.#arriving = options.arriving
    this.#nameSynced = !options.isNew
  }

  get lengthBytes(): number {
    return this.#checksums.lengthBytes
  }

  async append(buffers: readonly Uint8Array[]): Promise<void> {
    assert(!this.#isAppending, 'a draft is appended to while it is being appended to')
    this.#isAppending = true
    try {
      await this.#end.append(buffers)
      for (const buffer of buffers) this.#checksums.append(buffer)
    } catch (error) {
      throw await this.#cutFailed(error)
    } finally {
      this.#isAppending = false
    }
  }

  checksums(): Uint8Array {
    return this.#checksums.serialize()
  }

  async flush(): Promise<void> {
    try {
      await this.#end.flush()
    } catch (error) {
      throw await this.#cutFailed(error)
    }
  }

  async sync(): Promise<void> {
    await this.flush()
    try {
      await Promise.all([this.#handle.datasync(), this.#nameSynced ? null : syncFolder(this.#paths.drafts)])
      this.#nameSynced = true
    } catch (error) {
      throw inOurWords(error)
    }
  }

  async truncate(lengthBytes: number): Promise<void> {
    await this.flush()
    assert(lengthBytes <= this.lengthBytes, 'a draft is truncated to less than it holds')
    await this.#cut(lengthBytes)
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    await this.flush()
    return await readFully(this.#handle, target, position)
  }

  async publish(name: BlobName): Promise<BlobFacts> {
    try {
      const path = this.#paths.blob(name)
      await this.flush()
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
    // What can be written stays; nobody was promised what was not synced.
    await this.#end.flush().catch(() => undefined)
    this.#tellClosed()
    await Promise.all([this.#end.close(), this.#handle.close()])
  }

  async discard(): Promise<void> {
    await this.close()
    await rm(this.#paths.draft(this.id), { force: true })
  }

  /** After a write that failed: what was written before it stays. Answers what to throw. */
  async #cutFailed(error: unknown): Promise<unknown> {
    await this.#cut(Math.min(this.#end.writtenBytes, this.lengthBytes))
    return inOurWords(error)
  }

  async #cut(lengthBytes: number): Promise<void> {
    await this.#handle.truncate(lengthBytes)
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
    await this.#end.restart(lengthBytes)
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

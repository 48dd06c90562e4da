/**
 * Blobs in a folder: drafts in `drafts/<id>`, blobs in `blobs/<name>`, on one file system, so that publishing is a
 * rename. A crash leaves drafts and blobs without a row, which the sweep removes; never a blob in part.
 */

import { randomBytes } from 'node:crypto'
import { rmSync, statSync } from 'node:fs'
import { type FileHandle, open, opendir, rm, stat, statfs } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { BlockChecksums } from '../../lib/block-checksums.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobName, BlobReader, Blobs, Draft, DraftOptions, LocalCopy } from '../../ports.ts'
import { inOurWords, isSystemError, makeFolder, readFully, removeEmptyFolders } from './disk.ts'
import { FolderDraft, type FolderDraftOptions } from './draft.ts'
import { type FileEnd, PlainEnd } from './file-end.ts'
import { OpenFiles } from './open-files.ts'
import { PageMemory } from './page-memory.ts'
import { PagedEnd } from './paged-end.ts'
import { type FolderPaths, folderPaths } from './paths.ts'

/** What is read at a time of a blob that is checked. */
const REREAD_BYTES = 1024 * 1024

/** Blobs in a folder; `close` lets the files go that are kept open for reading. */
export type OpenedFolderBlobs = Blobs & { close(): Promise<void> }

/** Opens the blobs in `folder`, which is made if missing. */
export async function openFolderBlobs(options: { folder: string }): Promise<OpenedFolderBlobs> {
  const paths = folderPaths(options.folder)
  await makeFolder(paths.drafts)
  await makeFolder(paths.blobs)
  return new FolderBlobs(paths)
}

class FolderBlobs implements OpenedFolderBlobs {
  readonly #paths: FolderPaths
  readonly #files = new OpenFiles()
  readonly #memory = new PageMemory()
  /** The drafts that are open for writing. */
  readonly #ends = new Map<string, FileEnd>()
  /** Paths that a draft is being renamed to at this moment. */
  readonly #arriving = new Set<string>()

  constructor(paths: FolderPaths) {
    this.#paths = paths
  }

  async createDraft(options: DraftOptions = {}): Promise<Draft> {
    const id = randomBytes(16).toString('hex')
    try {
      const handle = await open(this.#paths.draft(id), 'wx+', 0o600)
      return await this.#draft({ id, handle, checksums: new BlockChecksums(), isNew: true }, options)
    } catch (error) {
      throw inOurWords(error)
    }
  }

  async resumeDraft(
    id: string,
    state: { lengthBytes: number; checksums: Uint8Array },
    options: DraftOptions = {},
  ): Promise<Draft> {
    const { lengthBytes } = state
    const checksums = BlockChecksums.resume(state.checksums, lengthBytes)
    const path = this.#paths.draft(id)
    const handle = await open(path, 'r+').catch((error: unknown) => {
      if (!isSystemError(error, 'ENOENT')) throw error
      // Recorded before its first sync: a power cut may have taken the name of the file, and nothing that was promised.
      if (lengthBytes === 0) return open(path, 'wx+', 0o600)
      throw new HeadwaterError('blob_damaged', `Draft ${id} should hold ${lengthBytes} bytes, but is gone.`)
    })
    try {
      const { size } = await handle.stat()
      if (size < lengthBytes) {
        throw new HeadwaterError(
          'blob_damaged',
          `Draft ${id} should hold ${lengthBytes} bytes, but has only ${size}.`,
          { facts: { lengthBytes, sizeBytes: size } },
        )
      }
      if (size > lengthBytes) await handle.truncate(lengthBytes)
      return await this.#draft({ id, handle, checksums, isNew: lengthBytes === 0 }, options)
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async #draft(
    file: Omit<FolderDraftOptions, 'end' | 'closed' | 'paths' | 'arriving'>,
    { streamed = false }: DraftOptions,
  ): Promise<Draft> {
    const { id, handle, checksums } = file
    const end = streamed ? new PagedEnd(handle, this.#paths.draft(id), this.#memory) : new PlainEnd(handle)
    await end.restart(checksums.lengthBytes)
    this.#ends.set(id, end)
    const closed = (): void => {
      if (this.#ends.get(id) === end) this.#ends.delete(id)
    }
    return new FolderDraft({ ...file, end, closed, paths: this.#paths, arriving: this.#arriving })
  }

  async discardDraft(id: string): Promise<void> {
    await rm(this.#paths.draft(id), { force: true })
  }

  async openDraft(id: string): Promise<BlobReader> {
    const handle = await open(this.#paths.draft(id), 'r').catch((error: unknown) => {
      throw isSystemError(error, 'ENOENT') ? noSuchDraft(id) : error
    })
    try {
      // Before the size is asked: two writes may be under way, of which the second is done first.
      const writtenBytes = this.#ends.get(id)?.writtenBytes
      const { size } = await handle.stat()
      return {
        sizeBytes: Math.min(size, writtenBytes ?? size),
        read: (target, position) => readFully(handle, target, position),
        close: () => handle.close(),
      }
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async open(name: BlobName): Promise<BlobReader> {
    const file = await this.#files.take(this.#paths.blob(name)).catch((error: unknown) => {
      throw isSystemError(error, 'ENOENT', 'ENOTDIR') ? noSuchBlob(name) : error
    })
    return {
      sizeBytes: file.sizeBytes,
      read: (target, position) => readFully(file.handle, target, position),
      close: () => file.release(),
    }
  }

  async *reread(name: BlobName): AsyncIterable<Uint8Array> {
    const path = this.#paths.blob(name)
    try {
      const handle = await open(path, 'r')
      try {
        yield* piecesOf(handle)
      } finally {
        await handle.close()
      }
    } catch (error) {
      if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) throw noSuchBlob(name)
      // A bad sector, or a file system that has found out by itself.
      if (!isSystemError(error, 'EIO', 'EBADMSG', 'EUCLEAN')) throw error
      throw new HeadwaterError('blob_damaged', `The disk cannot read ${name} any more.`, { cause: error })
    }
  }

  async delete(name: BlobName, options: { readonly publishedBeforeUs?: number } = {}): Promise<void> {
    const path = this.#paths.blob(name)
    const { publishedBeforeUs } = options
    if (publishedBeforeUs === undefined) await rm(path, { force: true })
    else if (!this.#removeOlder(path, publishedBeforeUs)) return
    await this.#files.forget(path)
    await removeEmptyFolders(dirname(path), this.#paths.blobs)
  }

  /**
   * Whether it was old and has been removed. Looking and removing are one step of the event loop, and no rename is under
   * way: so what goes is what was looked at.
   */
  #removeOlder(path: string, beforeUs: number): boolean {
    if (this.#arriving.has(path)) return false
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined || found.ctimeMs * 1000 >= beforeUs) return false
    rmSync(path, { force: true })
    return true
  }

  async *list(prefix: string): AsyncIterable<{ name: BlobName; sizeBytes: number; modifiedUs: number }> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    if (folder !== '') this.#paths.blob(folder.slice(0, -1))
    for await (const name of filesBelow(this.#paths.blobs, folder)) {
      if (!name.startsWith(prefix) || !this.#paths.isBlob(name)) continue
      const facts = await fileFacts(join(this.#paths.blobs, name))
      if (facts !== undefined) yield { name, ...facts }
    }
  }

  async *listDrafts(): AsyncIterable<{ id: string; sizeBytes: number; modifiedUs: number }> {
    for await (const id of filesBelow(this.#paths.drafts, '')) {
      if (!this.#paths.isDraft(id)) continue
      const facts = await fileFacts(join(this.#paths.drafts, id))
      if (facts !== undefined) yield { id, ...facts }
    }
  }

  async *listForeign(): AsyncIterable<{ path: string; sizeBytes: number }> {
    for (const [root, isOurs] of [
      [this.#paths.blobs, (name: string) => this.#paths.isBlob(name)],
      [this.#paths.drafts, (id: string) => this.#paths.isDraft(id)],
    ] as const) {
      for await (const name of filesBelow(root, '')) {
        if (isOurs(name)) continue
        const facts = await fileFacts(join(root, name))
        if (facts !== undefined) yield { path: join(basename(root), name), sizeBytes: facts.sizeBytes }
      }
    }
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#paths.blobs)
    return bavail * bsize
  }

  async materialize(name: BlobName): Promise<LocalCopy> {
    const path = this.#paths.blob(name)
    if ((await fileFacts(path)) === undefined) throw noSuchBlob(name)
    return { path, release: async () => {} }
  }

  async materializeDraft(id: string): Promise<LocalCopy> {
    const path = this.#paths.draft(id)
    if ((await fileFacts(path)) === undefined) throw noSuchDraft(id)
    return { path, release: async () => {} }
  }

  async close(): Promise<void> {
    await this.#files.forgetAll()
  }
}

function noSuchBlob(name: BlobName): HeadwaterError {
  return new HeadwaterError('not_found', `There is no blob ${name}.`, { facts: { name } })
}

function noSuchDraft(id: string): HeadwaterError {
  return new HeadwaterError('not_found', `There is no draft ${id}.`, { facts: { id } })
}

/** Every file below `root`/`folder`, as a name relative to `root`; what is removed meanwhile is left out. */
async function* filesBelow(root: string, folder: string): AsyncGenerator<string> {
  try {
    for await (const entry of await opendir(join(root, folder))) {
      const name = `${folder}${entry.name}`
      if (entry.isDirectory()) yield* filesBelow(root, `${name}/`)
      else if (entry.isFile()) yield name
    }
  } catch (error) {
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR')) throw error
  }
}

/** The whole of a file, each piece in the same memory. */
async function* piecesOf(handle: FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(REREAD_BYTES)
  for (let position = 0; ; ) {
    const got = await readFully(handle, buffer, position)
    if (got > 0) yield buffer.subarray(0, got)
    if (got < buffer.byteLength) return
    position += got
  }
}

async function fileFacts(path: string): Promise<{ sizeBytes: number; modifiedUs: number } | undefined> {
  try {
    // The inode's change time: a rename moves it, so a blob counts from when it was published.
    const { size, ctimeMs } = await stat(path)
    return { sizeBytes: size, modifiedUs: Math.floor(ctimeMs * 1000) }
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

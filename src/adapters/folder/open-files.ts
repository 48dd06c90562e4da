/** Open handles of blobs, shared by all their readers and kept a little longer, since segments of one file are read in a row. */

import { type FileHandle, open } from 'node:fs/promises'

/** Handles kept though nobody reads; a process may have at least 1,024 on every system we know. */
const IDLE_FILES = 256

/** An open file and how many read it. */
export type OpenFile = { readonly handle: FileHandle; readonly sizeBytes: number }

type Entry = { readonly path: string; readonly file: Promise<OpenFile>; users: number; forgotten: boolean }

export class OpenFiles {
  /** Oldest use first. */
  readonly #entries = new Map<string, Entry>()

  /** Opens `path`, or shares what is open. Rejects as `fs.open` does. `release` once, when done. */
  async take(path: string): Promise<OpenFile & { release(): Promise<void> }> {
    const entry = this.#entries.get(path) ?? { path, file: openFile(path), users: 0, forgotten: false }
    entry.users++
    this.#entries.delete(path)
    this.#entries.set(path, entry)
    try {
      const file = await entry.file
      return { ...file, release: once(() => this.#release(entry)) }
    } catch (error) {
      if (this.#entries.get(path) === entry) this.#entries.delete(path)
      throw error
    }
  }

  /** The file at `path` is gone: whoever reads it may finish, nobody else gets it. */
  async forget(path: string): Promise<void> {
    const entry = this.#entries.get(path)
    if (entry !== undefined) await this.#drop(entry)
  }

  /** Closes every file: at once, or when its last reader has finished. */
  async forgetAll(): Promise<void> {
    for (const entry of this.#entries.values()) await this.#drop(entry)
  }

  async #release(entry: Entry): Promise<void> {
    entry.users--
    if (entry.forgotten) {
      if (entry.users === 0) await (await entry.file).handle.close()
      return
    }
    if (this.#entries.size <= IDLE_FILES) return
    for (const oldest of this.#entries.values()) {
      if (oldest.users > 0) continue
      await this.#drop(oldest)
      return
    }
  }

  async #drop(entry: Entry): Promise<void> {
    entry.forgotten = true
    this.#entries.delete(entry.path)
    if (entry.users === 0) await (await entry.file).handle.close()
  }
}

async function openFile(path: string): Promise<OpenFile> {
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    return { handle, sizeBytes: size }
  } catch (error) {
    await handle.close()
    throw error
  }
}

function once(action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= action()
    return done
  }
}

/**
 * Remembers where an interrupted upload goes on: one small file per video file and server under
 * `~/.cache/headwater/uploads`. Losing it costs an upload from the beginning, nothing else.
 */

import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The file being uploaded, as far as it decides whether it is still the same one. */
export type SourceFile = {
  /** Absolute, links resolved. */
  readonly path: string
  readonly sizeBytes: number
  readonly modifiedMs: number
}

/** Where its upload goes on. */
export type UploadRecord = { readonly location: string; readonly uid: string }

/** One file's record on one account. */
export class UploadRecordFile {
  readonly #folder: string
  readonly #path: string

  constructor(source: SourceFile, accountUrl: string, folder = join(homedir(), '.cache/headwater/uploads')) {
    const identity = JSON.stringify([source.path, source.sizeBytes, source.modifiedMs, accountUrl])
    this.#folder = folder
    this.#path = join(folder, `${createHash('sha256').update(identity).digest('hex').slice(0, 32)}.json`)
  }

  /** The record; undefined when there is none or it cannot be read. */
  async read(): Promise<UploadRecord | undefined> {
    try {
      const { location, uid } = JSON.parse(await readFile(this.#path, 'utf8')) as Partial<UploadRecord>
      return typeof location === 'string' && typeof uid === 'string' ? { location, uid } : undefined
    } catch {
      return undefined
    }
  }

  /** Keeps it, readable by its owner only: a Location may be all that is needed to write to the upload. */
  async write(record: UploadRecord): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await writeFile(`${this.#path}.new`, JSON.stringify(record), { mode: 0o600 })
    await rename(`${this.#path}.new`, this.#path)
  }

  /** Forgets it. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true })
  }
}

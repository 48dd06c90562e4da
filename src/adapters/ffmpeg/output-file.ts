/**
 * A file that ffmpeg writes into the run's folder, while it grows and afterwards. A decoder that a hostile file has taken
 * over may put anything there, such as a link to a secret that only the server can read: nothing but a plain file is opened.
 */

import { constants } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { HeadwaterError } from '../../lib/failure.ts'
import type { DecoderFile } from '../../ports.ts'

/** Opened at the first read; `close` when the run is released. */
export class OutputFile implements DecoderFile {
  readonly name: string
  readonly #path: string
  #handle: Promise<FileHandle> | undefined
  #sizeBytes = 0

  constructor(name: string, path: string) {
    this.name = name
    this.#path = path
  }

  /** Length at the last `refresh`. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Looks at the file's length; answers whether it exists and has grown. */
  async refresh(): Promise<boolean> {
    const facts = await lstat(this.#path).catch(() => undefined)
    if (facts === undefined || !facts.isFile() || facts.size <= this.#sizeBytes) return false
    this.#sizeBytes = facts.size
    return true
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    this.#handle ??= openPlain(this.#path)
    const handle = await this.#handle
    let filled = 0
    while (filled < target.byteLength) {
      const { bytesRead } = await handle.read(target, filled, target.byteLength - filled, position + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return filled
  }

  async close(): Promise<void> {
    const handle = await this.#handle?.catch(() => undefined)
    this.#handle = undefined
    await handle?.close()
  }
}

async function openPlain(path: string): Promise<FileHandle> {
  // A pipe would keep whoever opens it waiting.
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  if ((await handle.stat()).isFile()) return handle
  await handle.close()
  throw new HeadwaterError('decoder_failed', 'The decoder made something else than a file.')
}

/** A file that ffmpeg writes into the run's folder, while it grows and afterwards. */

import { type FileHandle, open, stat } from 'node:fs/promises'
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
    const facts = await stat(this.#path).catch(() => undefined)
    if (facts === undefined || facts.size <= this.#sizeBytes) return false
    this.#sizeBytes = facts.size
    return true
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    this.#handle ??= open(this.#path, 'r')
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

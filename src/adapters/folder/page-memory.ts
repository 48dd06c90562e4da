/**
 * Memory that the disk can read from by itself. Direct writes want buffers that begin at the start of a page, which no
 * allocation of node's promises; that of WebAssembly does.
 */

/** What a direct write begins and ends at: the largest logical block of common disks. */
export const PAGE_BYTES = 4096

/** One buffer. */
export const BUFFER_BYTES = 1_048_576

/** All writers of a folder together; each takes what it needs for a moment. */
const BUFFERS = 16

const WASM_PAGE_BYTES = 65_536

/** The part of the global that is used here; neither TypeScript's language library nor node's types have it. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
}

/** The buffers of one folder; whoever finds none waits, in turn. Made with the first use. */
export class PageMemory {
  #free: Uint8Array[] | undefined
  readonly #waiting: (() => void)[] = []

  /** A buffer, if there is one at once. */
  take(): Uint8Array | undefined {
    this.#free ??= makeBuffers()
    // The one that was used last may still be in the processor's caches.
    return this.#free.pop()
  }

  /** Returns when one has been given back; somebody else may have taken it by then. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  /** Takes a buffer back; `part`: any view of it that begins where it does. */
  give(part: Uint8Array): void {
    this.#free?.push(new Uint8Array(part.buffer, part.byteOffset, BUFFER_BYTES))
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

function makeBuffers(): Uint8Array[] {
  const pages = (BUFFERS * BUFFER_BYTES) / WASM_PAGE_BYTES
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages })
  return Array.from(
    { length: BUFFERS },
    (_, index) => new Uint8Array(buffer, index * BUFFER_BYTES, BUFFER_BYTES),
  )
}

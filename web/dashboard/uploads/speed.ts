/** How fast an upload runs, from what was sent during the last seconds; pure. */

const WINDOW_MS = 6_000

type Sample = { readonly atMs: number; readonly bytes: number }

export class Speed {
  #samples: Sample[] = []

  /** Notes that `bytes` have been sent in all by `atMs`. */
  note(bytes: number, atMs: number): void {
    this.#samples.push({ atMs, bytes })
    const oldest = this.#samples.findIndex((sample) => atMs - sample.atMs <= WINDOW_MS)
    this.#samples = this.#samples.slice(Math.max(0, oldest))
  }

  /** Bytes per second; null until there is something to go by. */
  bytesPerSecond(): number | null {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (!first || !last || last.atMs - first.atMs < 500) return null
    return Math.max(0, ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs))
  }

  reset(): void {
    this.#samples = []
  }
}

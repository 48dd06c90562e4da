/**
 * What is on its way to one player or to another server. Who is slow never makes anybody else wait: what has lain here for
 * too long is thrown away up to the next sync picture, and who does not catch up at all is told apart from who stumbled.
 */

import type { AccessUnit, LiveFormat } from '../../media/live/units.ts'

type Item =
  | { readonly kind: 'format'; readonly format: LiveFormat }
  | { readonly kind: 'unit'; readonly unit: AccessUnit }

type Waiting = Item & { readonly sinceMs: number }

/** How much may wait. */
export type QueueLimits = {
  /** Longest wait of a unit, milliseconds. */
  readonly waitMs: number
  readonly bytes: number
  /** Bytes given to the socket before anything waits here. */
  readonly unsentBytes: number
}

/** Enough for the pictures since the latest sync picture that a player begins with. */
export const QUEUE_LIMITS: QueueLimits = { waitMs: 5_000, bytes: 32 * 1024 ** 2, unsentBytes: 256 * 1024 }

export type UnitQueueOptions = {
  readonly send: (item: Item) => void
  /** Bytes that were sent and have not left. */
  readonly unsentBytes: () => number
  readonly nowMs: () => number
  readonly limits?: Partial<QueueLimits>
}

/** A queue of one player. */
export class UnitQueue {
  readonly #options: UnitQueueOptions
  readonly #limits: QueueLimits
  #waiting: Waiting[] = []
  #waitingBytes = 0
  /** Since when there was always something waiting. */
  #busySinceMs: number | undefined
  #needsSync = false
  /** Something was thrown away, and no sync picture after the one it went on with has found nothing waiting. */
  #hasStumbled = false
  #hasVideo = false
  #dropped = 0

  constructor(options: UnitQueueOptions) {
    this.#options = options
    this.#limits = { ...QUEUE_LIMITS, ...options.limits }
  }

  /** Units thrown away so far. */
  get dropped(): number {
    return this.#dropped
  }

  /**
   * Milliseconds since which something has been waiting all the time. Who loses pictures again and again is behind all that
   * time, though nothing waits between what was thrown away and the next sync picture.
   */
  get behindMs(): number {
    return this.#busySinceMs === undefined ? 0 : this.#options.nowMs() - this.#busySinceMs
  }

  format(format: LiveFormat): void {
    if (format.kind === 'video') this.#hasVideo = true
    this.#add({ kind: 'format', format })
  }

  unit(unit: AccessUnit): void {
    // Sound alone can begin anywhere; beside pictures it waits for them.
    const canBegin = unit.isSync && (unit.kind === 'video' || !this.#hasVideo)
    if (this.#needsSync && !canBegin) {
      this.#dropped += 1
      return
    }
    if (canBegin && !this.#needsSync && this.#waiting.length === 0) {
      this.#hasStumbled = false
      this.#busySinceMs = undefined
    }
    this.#needsSync = false
    this.#add({ kind: 'unit', unit })
  }

  /** Something has left: sends what waits, as far as there is room. */
  flush(): void {
    let sent = 0
    for (const item of this.#waiting) {
      if (this.#options.unsentBytes() >= this.#limits.unsentBytes) break
      this.#waitingBytes -= bytesOf(item)
      this.#options.send(item)
      sent += 1
    }
    this.#waiting.splice(0, sent)
    if (this.#waiting.length === 0 && !this.#hasStumbled) this.#busySinceMs = undefined
  }

  #add(item: Item): void {
    if (this.#waiting.length === 0 && this.#options.unsentBytes() < this.#limits.unsentBytes) {
      this.#options.send(item)
      return
    }
    const nowMs = this.#options.nowMs()
    this.#busySinceMs ??= nowMs
    this.#waiting.push({ ...item, sinceMs: nowMs })
    this.#waitingBytes += bytesOf(item)
    const isLate = nowMs - (this.#waiting[0]?.sinceMs ?? nowMs) > this.#limits.waitMs
    if (isLate || this.#waitingBytes > this.#limits.bytes) this.#drop(item)
  }

  /** All but formats, without which nothing that follows could be decoded; and but the last one, if it may begin anew. */
  #drop(last: Item): void {
    const isSync = last.kind === 'unit' && last.unit.kind === 'video' && last.unit.isSync
    const kept = this.#waiting.filter(({ kind }, index) => {
      return kind === 'format' || (isSync && index === this.#waiting.length - 1)
    })
    this.#dropped += this.#waiting.length - kept.length
    this.#hasStumbled = true
    // What is left has waited for the others, not for itself.
    const sinceMs = this.#options.nowMs()
    this.#waiting = kept.map((item) => ({ ...item, sinceMs }))
    this.#waitingBytes = kept.reduce((sum, item) => sum + bytesOf(item), 0)
    this.#needsSync = !isSync
  }
}

function bytesOf(item: Item): number {
  return item.kind === 'unit' ? item.unit.data.byteLength : item.format.config.byteLength
}

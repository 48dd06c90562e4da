/** A player that was let in: the units of a broadcast become its messages, as fast as it takes them. */

import { writeMetadata } from '../../media/flv/write-tag.ts'
import { writeAmf0 } from '../../media/rtmp/amf0.ts'
import { MESSAGE } from '../../media/rtmp/message.ts'
import type { Feed } from '../../live-ports.ts'
import type { RtmpLink } from './link.ts'
import { StreamWriter } from './stream-writer.ts'
import { type QueueLimits, UnitQueue } from './unit-queue.ts'

export type PlayerOptions = {
  readonly streamId: number
  readonly onEnd: () => void
  readonly queue?: Partial<QueueLimits>
}

/** Sends one broadcast to one player. */
export class Player {
  readonly #queue: UnitQueue
  readonly #leave: () => void
  #hasLeft = false

  constructor(link: RtmpLink, feed: Feed, options: PlayerOptions) {
    const writer = new StreamWriter(link, options.streamId)
    // Flash's players asked for the right to see samples; some still wait to hear of it.
    writer.tag({ type: MESSAGE.data, payload: writeAmf0('|RtmpSampleAccess', true, true) })
    writer.tag(writeMetadata(feed, { forServer: false }))
    this.#queue = new UnitQueue({
      send: (item) => (item.kind === 'format' ? writer.format(item.format) : writer.unit(item.unit)),
      unsentBytes: () => link.unsentBytes,
      nowMs: () => performance.now(),
      ...(options.queue && { limits: options.queue }),
    })
    link.onDrain(() => {
      if (!this.#hasLeft) this.#queue.flush()
    })
    this.#leave = feed.listen({
      format: (format) => this.#queue.format(format),
      unit: (unit) => this.#queue.unit(unit),
      end: () => {
        this.#hasLeft = true
        options.onEnd()
      },
    })
  }

  /** Units it was too slow for. */
  get dropped(): number {
    return this.#queue.dropped
  }

  /** Milliseconds since which it has not caught up. */
  get behindMs(): number {
    return this.#queue.behindMs
  }

  stop(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    this.#leave()
  }
}

/** A door for tests of SRT: some inputs, each of which can be published to and played. */

import { LiveFeed } from '../../src/core/broadcasts/live-feed.ts'
import { HeadwaterError } from '../../src/lib/failure.ts'
import type { Feed, LiveCaller, LiveDoor, Publishing } from '../../src/live-ports.ts'
import { Published } from './test-door.ts'

/** One input: its stream ids and passphrases. */
export type SrtInput = {
  readonly publish: { readonly streamId: string; readonly passphrase: string }
  readonly play: { readonly streamId: string; readonly passphrase: string }
}

/** The input number `index`. */
export function srtInput(index: number): SrtInput {
  const uid = `b90c5ad17f3e42d48b1166f20ae7c9${(index + 16).toString(16)}`
  return {
    publish: { streamId: uid, passphrase: `4f1c88d2a06be973d512f0c7a8e3b946k${uid}` },
    play: { streamId: `play${uid}`, passphrase: `0d7ea1c95b34f826e18f3a07c2946bd1k${uid}` },
  }
}

const INPUTS = Array.from({ length: 16 }, (_, index) => srtInput(index))

/** Lets in who has a stream id and its passphrase. */
export class SrtDoor implements LiveDoor {
  readonly feeds = new Map<string, LiveFeed>()
  readonly running = new Map<string, Published>()
  readonly disabled = new Set<string>()
  /** How often it was asked for a stream id. */
  questions = 0
  readonly #waiting = new Map<string, (published: Published) => void>()

  async findSrt(streamId: string) {
    this.questions += 1
    await Promise.resolve()
    for (const input of INPUTS) {
      if (this.disabled.has(input.publish.streamId)) continue
      for (const purpose of ['publish', 'play'] as const) {
        if (input[purpose].streamId === streamId) return { passphrase: input[purpose].passphrase, purpose }
      }
    }
    return undefined
  }

  async publish(caller: LiveCaller): Promise<Publishing> {
    await Promise.resolve()
    if (this.running.has(caller.key)) {
      throw new HeadwaterError('live_input_busy', 'Somebody publishes to this input already.')
    }
    const feed = new LiveFeed((error) => {
      throw error
    })
    const published = new Published(caller, () => {
      this.running.delete(caller.key)
      feed.end()
    })
    this.feeds.set(`play${caller.key}`, feed)
    this.running.set(caller.key, published)
    this.#waiting.get(caller.key)?.(published)
    const { publishing } = published
    return {
      ...publishing,
      format: (format) => {
        publishing.format(format)
        feed.format(format)
      },
      unit: (unit) => {
        publishing.unit(unit)
        feed.unit(unit)
      },
    }
  }

  async play(caller: LiveCaller): Promise<Feed> {
    await Promise.resolve()
    const feed = this.feeds.get(caller.key)
    if (feed === undefined) throw new HeadwaterError('live_not_started', 'Nobody publishes to this input.')
    return feed
  }

  /** The next publisher that is let in at this input. */
  async next(input: SrtInput): Promise<Published> {
    return await new Promise((resolve) => this.#waiting.set(input.publish.streamId, resolve))
  }
}

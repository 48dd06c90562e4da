/** A door for tests of one protocol's server: lets in who has the key, and keeps what was published. */

import { LiveFeed } from '../../src/core/broadcasts/live-feed.ts'
import { HeadwaterError } from '../../src/lib/failure.ts'
import type { AccessUnit, LiveFormat } from '../../src/media/live/units.ts'
import type { Feed, LiveCaller, LiveDoor, Publishing } from '../../src/live-ports.ts'

/** Keys of the one input there is. */
export const INPUT_UID = 'b90c5ad17f3e42d48b1166f20ae7c935'
export const PUBLISH_KEY = `4f1c88d2a06be973d512f0c7a8e3b946k${INPUT_UID}`
export const PLAY_KEY = `0d7ea1c95b34f826e18f3a07c2946bd1k${INPUT_UID}`

/** What one publisher sent. */
export class Published {
  readonly formats: LiveFormat[] = []
  readonly units: AccessUnit[] = []
  readonly caller: LiveCaller
  /** How it ended; resolves when it has. */
  readonly ended: Promise<{ how: 'clean' | 'lost'; why?: HeadwaterError | undefined }>
  readonly publishing: Publishing

  constructor(caller: LiveCaller, onEnd: () => void) {
    this.caller = caller
    let resolve: (end: { how: 'clean' | 'lost'; why?: HeadwaterError | undefined }) => void = () => {}
    this.ended = new Promise((settle) => {
      resolve = settle
    })
    this.publishing = {
      inputUid: INPUT_UID,
      format: (format) => this.formats.push(format),
      unit: (unit) => this.units.push(unit),
      end: (how, why) => {
        onEnd()
        resolve({ how, why })
      },
    }
  }

  /** Its units of one kind. */
  of(kind: AccessUnit['kind']): AccessUnit[] {
    return this.units.filter((unit) => unit.kind === kind)
  }
}

export class TestDoor implements LiveDoor {
  readonly published: Published[] = []
  /** What is played; nobody publishes unless it is set. */
  feed: LiveFeed | undefined
  isEnabled = true
  /** Who is publishing now. */
  current: Published | undefined
  readonly #waiting: ((published: Published) => void)[] = []

  async findSrt() {
    return await Promise.resolve(undefined)
  }

  async publish(caller: LiveCaller): Promise<Publishing> {
    await Promise.resolve()
    if (caller.key !== PUBLISH_KEY)
      throw new HeadwaterError('live_key_unknown', 'There is no live input with this key.')
    if (!this.isEnabled) throw new HeadwaterError('live_input_disabled', 'The live input is disabled.')
    if (this.current !== undefined)
      throw new HeadwaterError('live_input_busy', 'Somebody publishes to this input already.')
    const published: Published = new Published(caller, () => {
      if (this.current === published) this.current = undefined
    })
    this.current = published
    this.published.push(published)
    for (const resolve of this.#waiting.splice(0)) resolve(published)
    return published.publishing
  }

  async play(caller: LiveCaller): Promise<Feed> {
    await Promise.resolve()
    if (caller.key !== PLAY_KEY)
      throw new HeadwaterError('live_key_unknown', 'There is no live input with this key.')
    if (this.feed === undefined)
      throw new HeadwaterError('live_not_started', 'Nobody publishes to this input.')
    return this.feed
  }

  /** The next publisher that is let in. */
  async next(): Promise<Published> {
    return await new Promise((resolve) => this.#waiting.push(resolve))
  }
}

/** A feed of what was published, whose listeners are told everything when `tell` is called. */
export function replay(published: Pick<Published, 'formats' | 'units'>): {
  feed: LiveFeed
  tell: () => void
} {
  const feed = new LiveFeed((error) => {
    throw error
  })
  for (const format of published.formats) feed.format(format)
  return {
    feed,
    tell: () => {
      for (const unit of published.units) feed.unit(unit)
      feed.end()
    },
  }
}

/** A publisher that was let in: its messages become formats and units of its broadcast. */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import { splitAggregate } from '../../media/flv/aggregate.ts'
import { FlvIntake, isPassing } from '../../media/flv/flv-intake.ts'
import { readValues, textOf } from '../../media/rtmp/command.ts'
import { MESSAGE, type RtmpMessage } from '../../media/rtmp/message.ts'
import type { Publishing } from '../../live-ports.ts'

/** Damaged pictures and sounds without a whole one between them, after which the stream is no stream. */
const MOST_DAMAGED = 50

/** Takes what one publisher sends. */
export class Publisher {
  readonly #publishing: Publishing
  readonly #log: Log
  readonly #intake: FlvIntake
  #damaged = 0
  #hasToldEncoder = false
  #hasEnded = false

  constructor(publishing: Publishing, log: Log) {
    this.#publishing = publishing
    this.#log = log
    this.#intake = new FlvIntake(publishing)
  }

  /** Takes sound, pictures or data. Throws when the stream cannot be taken, with a failure that says why. */
  take(message: RtmpMessage): void {
    if (message.type === MESSAGE.aggregate) {
      for (const part of splitAggregate(message)) this.#takeMedia(part)
    } else if (message.type === MESSAGE.data || message.type === MESSAGE.dataAmf3) {
      this.#tellEncoder(message)
    } else {
      this.#takeMedia(message)
    }
  }

  /** `why` where what it sends cannot be taken. */
  end(how: 'clean' | 'lost', why?: HeadwaterError): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#publishing.end(how, why)
  }

  #takeMedia({ type, timestamp, payload }: RtmpMessage): void {
    try {
      if (type === MESSAGE.video) this.#intake.video(timestamp, payload)
      else if (type === MESSAGE.audio) this.#intake.audio(timestamp, payload)
      this.#damaged = 0
    } catch (error) {
      if (!isPassing(error) || this.#damaged >= MOST_DAMAGED) throw error
      if (this.#damaged === 0) {
        this.#log.warn(
          { inputUid: this.#publishing.inputUid, err: error },
          'a damaged picture or sound is left out',
        )
      }
      this.#damaged += 1
    }
  }

  /** All that metadata says of the stream stands in the stream as well, but not what made it. */
  #tellEncoder(message: RtmpMessage): void {
    if (this.#hasToldEncoder) return
    const values = readValues(message)
    const encoder = values.map((value) => textOf(value, 'encoder')).find((text) => text !== '')
    if (!values.includes('onMetaData') || encoder === undefined) return
    this.#hasToldEncoder = true
    this.#log.info({ inputUid: this.#publishing.inputUid, encoder: encoder.slice(0, 200) }, 'publisher')
  }
}

/** The failure that a publisher is told of; anything but one of ours is a bug of ours. */
export function asFailure(error: unknown): HeadwaterError {
  return isFailure(error)
    ? error
    : new HeadwaterError('internal', 'Taking in a stream went wrong.', { cause: error })
}

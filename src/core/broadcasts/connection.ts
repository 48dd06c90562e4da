/** One connection of a publisher: what it sends goes to the broadcast it belongs to, until either ends it. */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import { codecOf } from '../../media/live/track-init.ts'
import type { AccessUnit, LiveFormat, SoundFormat, VideoFormat } from '../../media/live/units.ts'
import type { LiveCaller, LiveProtocol, Publishing } from '../../live-ports.ts'
import type { Clock } from '../../ports.ts'

/** Where a connection leads to. */
export interface Intake {
  /** False: this cannot be part of the broadcast; `renew` makes another one. */
  takes(format: LiveFormat): boolean
  format(format: LiveFormat): void
  unit(unit: AccessUnit): void
  /** The connection is over. */
  leave(connection: Connection, how: 'clean' | 'lost', why?: HeadwaterError): void
}

export type ConnectionOptions = {
  readonly inputUid: string
  readonly caller: LiveCaller
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Ends the connection's broadcast and answers one that begins; it has been joined already. */
  readonly renew: (connection: Connection) => Intake
}

export class Connection implements Publishing {
  readonly inputUid: string
  readonly protocol: LiveProtocol
  readonly #options: ConnectionOptions
  #intake: Intake | null = null
  #video: VideoFormat | null = null
  #audio: SoundFormat | null = null
  /** The kind of what its broadcast cannot take: another one begins with the next sync picture. */
  #waiting: LiveFormat['kind'] | null = null
  #heardMs: number

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.inputUid = options.inputUid
    this.protocol = options.caller.protocol
    this.#heardMs = options.clock.monotonicMs()
  }

  /** How long nothing has come. */
  get silentMs(): number {
    return this.#options.clock.monotonicMs() - this.#heardMs
  }

  get isOver(): boolean {
    return this.#intake === null
  }

  /** From now on what it sends goes there. */
  lead(intake: Intake): void {
    this.#intake = intake
  }

  format(format: LiveFormat): void {
    if (this.#intake === null || isSame(format, format.kind === 'video' ? this.#video : this.#audio)) return
    this.#heardMs = this.#options.clock.monotonicMs()
    try {
      // What cannot be read could not be played by anybody.
      if (format.codec === 'avc' || format.codec === 'aac') codecOf(format)
    } catch (error) {
      this.cut(broken(error))
      return
    }
    if (format.kind === 'video') this.#video = format
    else this.#audio = format
    if (!this.#intake.takes(format)) this.#waiting = format.kind
    else if (this.#waiting !== format.kind) this.#intake.format(format)
    else this.#waiting = null
  }

  unit(unit: AccessUnit): void {
    this.#heardMs = this.#options.clock.monotonicMs()
    if (this.#intake !== null && this.#waiting !== null) {
      if (unit.isSync && (unit.kind === 'video' || this.#video === null))
        this.#begin(this.#options.renew(this))
      // Up to there the broadcast goes on with what it can take, so that no picture is lost between the two.
      else if (unit.kind === this.#waiting) return
    }
    this.#intake?.unit(unit)
  }

  end(how: 'clean' | 'lost', why?: HeadwaterError): void {
    const intake = this.#intake
    this.#intake = null
    intake?.leave(this, how, why)
  }

  /** Ended from our side. */
  cut(reason: HeadwaterError): void {
    if (this.#intake === null) return
    this.end('lost', reason)
    this.#options.caller.onCut(reason)
  }

  #begin(intake: Intake): void {
    this.#waiting = null
    this.#intake = intake
    for (const format of [this.#video, this.#audio]) if (format !== null) intake.format(format)
  }
}

function broken(error: unknown): HeadwaterError {
  if (!isFailure(error)) throw error
  return new HeadwaterError(
    'live_stream_broken',
    `The publisher's codec configuration cannot be read: ${error.message}`,
    { cause: error },
  )
}

/** Whether two formats say the same; a codec's own record says all there is. */
export function isSame(one: LiveFormat, other: LiveFormat | null): boolean {
  if (other === null || one.codec !== other.codec || Buffer.compare(one.config, other.config) !== 0)
    return false
  if (one.config.byteLength > 0) return true
  return one.kind === 'video'
    ? other.kind === 'video' && one.width === other.width && one.height === other.height
    : other.kind === 'audio' && one.sampleRate === other.sampleRate && one.channels === other.channels
}

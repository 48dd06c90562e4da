/**
 * One track of a broadcast in another codec: the keeper of the decoders that make it. It listens to the source while
 * somebody listens to it. A decoder begins at a sync unit and lives until the format changes, the publisher was away, it
 * fails, or nobody listens; after a failure the next one waits, longer each time. The source notices none of it.
 */

import type { Log } from '../../lib/log.ts'
import type { ReadUnit } from '../../media/live/read-units.ts'
import { isSameFormat } from '../../media/live/same-format.ts'
import type { AccessUnit, LiveFormat, VideoFormat } from '../../media/live/units.ts'
import type { Feed, FeedListener } from '../../live-ports.ts'
import type { Clock, LiveDecoder } from '../../ports.ts'
import { buildConversionArgs, convertedSound, OUTPUT, type Target } from './conversion-args.ts'
import { DecoderLife } from './decoder-life.ts'
import { Relay } from './relay.ts'
import { RestartPauses } from './restart-pauses.ts'

export type ConversionDeps = {
  readonly decoder: LiveDecoder
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly log: Log
}

/** Sound must not wait; pictures leave way to the server itself. */
const NICE = { audio: 0, video: 5 } as const

/** Converts what a broadcast has of one kind into `target`. */
export class Conversion {
  readonly #deps: ConversionDeps
  readonly #label: string
  readonly #source: Feed
  readonly #target: Target
  readonly #kind: LiveFormat['kind']
  readonly #pauses: RestartPauses
  #relay: Relay
  #leave: (() => void) | null = null
  #format: LiveFormat | null = null
  #life: DecoderLife | null = null
  /** Input had to be dropped: nothing of it can be decoded before the next sync unit. */
  #isBehind = false
  #hasEnded = false

  /** `label` names the broadcast in the log. */
  constructor(deps: ConversionDeps, options: { label: string; source: Feed; target: Target }) {
    this.#deps = deps
    this.#label = `${options.label} to ${options.target}`
    this.#source = options.source
    this.#target = options.target
    this.#kind = options.target === 'avc' ? 'video' : 'audio'
    this.#pauses = new RestartPauses(deps.clock)
    this.#relay = this.#newRelay()
  }

  /** What the pictures are once there are any. */
  get video(): VideoFormat | null {
    return this.#relay.video
  }

  /** As a feed of this one track; its gaps are those of the source, and not told. Starts with the first listener. */
  listen(listener: FeedListener): () => void {
    const leave = this.#relay.listen(listener)
    if (this.#leave === null) {
      // Set before the source answers, which it does at once.
      this.#leave = () => {}
      this.#leave = this.#source.listen(this.#listener())
    }
    return () => {
      leave()
      if (this.#relay.size === 0) this.#stop()
    }
  }

  #listener(): FeedListener {
    return {
      format: (format) => this.#takeFormat(format),
      unit: (unit) => this.#takeUnit(unit),
      gap: () => {
        this.#endLife()
        this.#relay.forget()
      },
      end: () => {
        this.#hasEnded = true
        // What it still holds belongs to the broadcast's end.
        if (this.#life === null) this.#relay.end()
        else this.#life.finish()
      },
    }
  }

  #takeFormat(format: LiveFormat): void {
    if (format.kind !== this.#kind || isSameFormat(this.#format, format)) return
    this.#endLife()
    this.#format = format.codec === this.#target ? null : format
    // Sound is told as soon as it is known that there will be any: packaging and recording begin with all their tracks.
    if (this.#format?.kind === 'audio' && this.#target !== 'avc') {
      this.#relay.format(convertedSound(this.#format, this.#target))
    }
  }

  #takeUnit(unit: AccessUnit): void {
    if (unit.kind !== this.#kind) {
      if (unit.kind === 'video' && unit.isSync) this.#relay.forget(unit.dts)
      return
    }
    if (this.#format === null) return
    if (this.#life === null) {
      if (!unit.isSync || !this.#pauses.over) return
      this.#life = this.#startLife(this.#format)
    }
    if (this.#isBehind && !unit.isSync) return
    const taken = this.#life.unit(unit)
    if (!taken && !this.#isBehind) {
      this.#deps.log.warn({ conversion: this.#label }, 'A conversion is too slow; some of it is left out')
    }
    this.#isBehind = !taken
  }

  #startLife(format: LiveFormat): DecoderLife {
    this.#pauses.started()
    this.#isBehind = false
    const life: DecoderLife = new DecoderLife({
      decoder: this.#deps.decoder,
      task: {
        label: this.#label,
        args: buildConversionArgs(format, this.#target),
        outputs: [OUTPUT],
        nice: NICE[this.#kind],
      },
      format,
      onRead: (_, read) => this.#takeRead(read),
      onEnd: (error) => this.#lifeEnded(error),
    })
    return life
  }

  #takeRead({ format, unit }: ReadUnit): void {
    if (format?.kind === 'video') this.#relay.format(format)
    // What an encoder puts before the first sample of a broadcast has no time in it.
    if (unit !== undefined && unit.dts >= 0) this.#relay.unit(unit)
  }

  #lifeEnded(error: Error | undefined): void {
    this.#life = null
    if (error !== undefined) {
      const pauseMs = this.#pauses.failed()
      this.#deps.log.warn(
        { conversion: this.#label, err: error, pauseMs },
        'A conversion failed and is tried again',
      )
    }
    if (this.#hasEnded) this.#relay.end()
  }

  /** Without waiting: the next one is another process. */
  #endLife(): void {
    void this.#life?.close()
    this.#life = null
  }

  #stop(): void {
    this.#leave?.()
    this.#leave = null
    this.#endLife()
    this.#format = null
    this.#hasEnded = false
    this.#relay = this.#newRelay()
  }

  #newRelay(): Relay {
    return new Relay((error) =>
      this.#deps.log.error(
        { conversion: this.#label, err: error },
        'A listener failed and is told nothing more',
      ),
    )
  }
}

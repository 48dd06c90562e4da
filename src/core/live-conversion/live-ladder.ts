/**
 * The lower rungs of a broadcast: one decoder makes all of them, only as long as the machine keeps up, and never at the
 * cost of what was published, which goes its own way. The first whole group of pictures is made as fast as it goes: that
 * says how many rungs the machine affords. Later the delay is watched; who falls behind loses the top rung, then the next.
 */

import { isSameFormat } from '../../media/live/same-format.ts'
import type { AccessUnit, LiveFormat, VideoFormat } from '../../media/live/units.ts'
import { LIVE_TIMESCALE } from '../../media/live/units.ts'
import type { Feed } from '../../live-ports.ts'
import type { Rational, Rung } from '../planning/index.ts'
import type { ConversionDeps } from './conversion.ts'
import { DecoderLife } from './decoder-life.ts'
import { affordableRungs, buildLadderArgs, planLiveRungs } from './ladder-args.ts'

/** Who takes a rung: its format once, its pictures, and that it is offered no longer. */
export type RungSink = {
  readonly format: (format: VideoFormat) => void
  readonly unit: (unit: AccessUnit) => void
  readonly end: () => void
}

export type LadderOptions = {
  /** Names the broadcast in the log. */
  readonly label: string
  /** H.264 pictures; sound is passed over. */
  readonly source: Feed
  /** `on`: as many rungs as there are, without measuring first. */
  readonly mode: 'auto' | 'on'
  /** Called when a rung's first picture is there, e.g. with `360p`. */
  readonly addRung: (name: string) => RungSink
}

/** How much faster than it is shown a rung must be made to be offered: pictures that follow may be harder. */
const WANTED_SPEED = 1.5
/** Behind by more than this: viewers of low latency would stand still. */
const MOST_BEHIND_TICKS = 3 * LIVE_TIMESCALE
/** The first pictures of a decoder come late. */
const PATIENCE_MS = 5_000
/** Everything else on this machine comes first. */
const NICE = 15
/** Of a group of pictures that grows larger nothing is measured. */
const MOST_GATHERED = 2_000
/** A shorter group says too little. */
const LEAST_MEASURED_TICKS = LIVE_TIMESCALE / 2

/** One life of the decoder and what it makes. */
type Climb = {
  readonly life: DecoderLife
  readonly rungs: readonly Rung[]
  readonly sinks: Map<string, RungSink>
  readonly formats: Map<string, VideoFormat>
  /** Decode time up to which each rung has been made. */
  readonly reached: Map<string, number>
  /** Until then it may be behind, monotonic milliseconds. */
  patientUntilMs: number
  /** Decode time of the latest picture it was given. */
  fed: number
  /** While it is measured: when the first picture of each had been made, and what was made until it is over. */
  measure: { readonly untilDts: number; readonly held: [string, AccessUnit][]; firstMs: number | null } | null
}

/** The ladder of one broadcast; from its creation to `stop`. */
export class LiveLadder {
  readonly #deps: ConversionDeps
  readonly #options: LadderOptions
  readonly #leave: () => void
  #format: VideoFormat | null = null
  #gathered: AccessUnit[] = []
  #climb: Climb | null = null
  /** How many rungs may be tried. */
  #most = Number.POSITIVE_INFINITY
  #stopped = false

  constructor(deps: ConversionDeps, options: LadderOptions) {
    this.#deps = deps
    this.#options = options
    this.#leave = options.source.listen({
      format: (format) => this.#takeFormat(format),
      unit: (unit) => {
        if (unit.kind === 'video') this.#take(unit)
      },
      end: () => this.#finish(),
    })
  }

  /** Names of the rungs that are offered now, ascending. */
  get offered(): readonly string[] {
    const climb = this.#climb
    return climb === null ? [] : climb.rungs.map(({ name }) => name).filter((name) => climb.sinks.has(name))
  }

  /** Ends it. What has been offered stays as it is: the broadcast has ended, not the rung. */
  stop(): void {
    this.#leave()
    this.#finish()
  }

  #finish(): void {
    this.#stopped = true
    void this.#climb?.life.close()
    this.#climb = null
  }

  #takeFormat(format: LiveFormat): void {
    if (format.kind !== 'video' || isSameFormat(this.#format, format)) return
    this.#endClimb()
    this.#gathered = []
    this.#format = format
  }

  #take(unit: AccessUnit): void {
    if (this.#climb !== null) this.#feed(this.#climb, unit)
    else if (!this.#stopped && this.#format !== null && this.#most > 0) this.#gather(unit, this.#format)
  }

  /** A group of pictures is whole when the next one begins. */
  #gather(unit: AccessUnit, format: VideoFormat): void {
    if (unit.isSync) {
      const group = this.#gathered
      this.#gathered = [unit]
      const [first] = group
      if (first !== undefined && unit.dts - first.dts >= LEAST_MEASURED_TICKS) {
        this.#start(format, [...group, unit], unit.dts - first.dts)
      }
    } else if (this.#gathered.length > 0) this.#gathered.push(unit)
    if (this.#gathered.length > MOST_GATHERED) this.#gathered = []
  }

  #start(format: VideoFormat, units: readonly AccessUnit[], ticks: number): void {
    const all = planLiveRungs(format, rateOf(units.length - 1, ticks))
    const rungs = all.slice(0, this.#most)
    if (rungs.length === 0) {
      this.#most = 0
      return
    }
    const isMeasured = this.#options.mode === 'auto'
    const life: DecoderLife = new DecoderLife({
      decoder: this.#deps.decoder,
      task: {
        label: `rungs of ${this.#options.label}`,
        args: buildLadderArgs(rungs),
        outputs: rungs.map(({ name }) => name),
        nice: NICE,
      },
      format,
      onRead: (name, read) => {
        const climb = this.#climb
        if (climb?.life !== life) return
        if (read.format?.kind === 'video') climb.formats.set(name, read.format)
        if (read.unit !== undefined) this.#made(climb, name, read.unit)
      },
      onEnd: (error) => {
        if (this.#climb?.life === life) this.#ended(error)
      },
    })
    this.#climb = {
      life,
      rungs,
      sinks: new Map(),
      formats: new Map(),
      reached: new Map(),
      patientUntilMs: this.#deps.clock.monotonicMs() + PATIENCE_MS,
      fed: units.at(-1)?.dts ?? 0,
      measure: isMeasured ? { untilDts: mostOf(units), held: [], firstMs: null } : null,
    }
    this.#gathered = []
    for (const unit of units) life.unit(unit)
  }

  #feed(climb: Climb, unit: AccessUnit): void {
    const nowMs = this.#deps.clock.monotonicMs()
    const taken = climb.life.unit(unit)
    // After a pause of the publisher nobody is behind only because times went on.
    if (unit.dts - climb.fed > LIVE_TIMESCALE) climb.patientUntilMs = nowMs + PATIENCE_MS
    climb.fed = unit.dts
    const reached = Math.min(...climb.rungs.map(({ name }) => climb.reached.get(name) ?? 0))
    if (taken && (nowMs < climb.patientUntilMs || unit.dts - reached <= MOST_BEHIND_TICKS)) return
    this.#fallBack(climb.rungs.length - 1, 'The machine does not keep up with the rungs of a broadcast')
  }

  #made(climb: Climb, name: string, unit: AccessUnit): void {
    climb.reached.set(name, unit.dts)
    if (climb.measure === null) {
      this.#offer(climb, name, unit)
      return
    }
    const { measure } = climb
    measure.firstMs ??= this.#deps.clock.monotonicMs()
    measure.held.push([name, unit])
    const isOver = climb.rungs.every(({ name: each }) => (climb.reached.get(each) ?? -1) >= measure.untilDts)
    if (isOver) this.#judge(climb, measure.held, measure.firstMs)
  }

  /** The first group has been made: how fast that went says what becomes of it. */
  #judge(climb: Climb, held: readonly [string, AccessUnit][], firstMs: number): void {
    const times = held.map(([, unit]) => unit.dts)
    const shownMs = ((Math.max(...times) - Math.min(...times)) * 1_000) / LIVE_TIMESCALE
    const speed = shownMs / Math.max(1, this.#deps.clock.monotonicMs() - firstMs)
    const source = this.#format
    const count = source === null ? 0 : affordableRungs(source, climb.rungs, { speed, wanted: WANTED_SPEED })
    this.#deps.log.info(
      { broadcast: this.#options.label, speed: Math.round(speed * 10) / 10, rungs: count },
      'The rungs of a broadcast were measured',
    )
    if (count < climb.rungs.length) {
      this.#fallBack(count, 'The machine cannot make all rungs of a broadcast')
      return
    }
    climb.measure = null
    for (const [name, unit] of held) this.#offer(climb, name, unit)
  }

  #offer(climb: Climb, name: string, unit: AccessUnit): void {
    const format = climb.formats.get(name)
    if (format === undefined) return
    let sink = climb.sinks.get(name)
    if (sink === undefined) {
      sink = this.#options.addRung(name)
      climb.sinks.set(name, sink)
      sink.format(format)
    }
    sink.unit(unit)
  }

  #fallBack(most: number, sentence: string): void {
    this.#deps.log.warn({ broadcast: this.#options.label, rungs: most }, sentence)
    this.#most = most
    this.#endClimb()
  }

  /** By itself, so it failed: it is tried with one rung less. */
  #ended(error: Error | undefined): void {
    const most = (this.#climb?.rungs.length ?? 1) - 1
    this.#deps.log.warn({ broadcast: this.#options.label, err: error }, 'The rungs of a broadcast failed')
    this.#most = most
    this.#endClimb()
  }

  #endClimb(): void {
    const climb = this.#climb
    this.#climb = null
    this.#gathered = []
    if (climb === null) return
    void climb.life.close()
    for (const sink of climb.sinks.values()) sink.end()
  }
}

/** Decode time of the picture up to which is measured: the last ones of a group wait for the next, which come in their own time. */
function mostOf(units: readonly AccessUnit[]): number {
  return units[Math.floor(units.length * MEASURED_SHARE)]?.dts ?? 0
}

const MEASURED_SHARE = 0.8

/** Pictures a second of `count` of them in `ticks`. */
function rateOf(count: number, ticks: number): Rational {
  return { num: count * LIVE_TIMESCALE, den: ticks }
}

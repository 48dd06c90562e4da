/**
 * Makes the times of publishers steady: what comes out begins at 0, never runs backwards, and goes on without a hole
 * where the publisher's clock jumped, wrapped or began anew.
 *
 * A track's steady time is the publisher's plus an offset. A time that does not fit under the track's offset is tried under
 * those that were found lately (when one track has jumped the other follows under the very same offset, so that sound
 * and picture stay together), then as a wrap of a known clock, which goes on to the tick; else the publisher's clock has
 * jumped, and a new offset puts the unit where the next one was expected.
 */

import { type AccessUnit, LIVE_TIMESCALE } from './units.ts'

/** Ticks of one turn: RTMP's milliseconds in 32 bits, MPEG's clock in 33 bits (ISO/IEC 13818-1 §2.4.3.7), RTP's in 32. */
const TURNS = [2 ** 32 * (LIVE_TIMESCALE / 1000), 2 ** 33, 2 ** 32] as const

/** A hole longer than this, in everything that comes, is a jump of the clock and closed. */
const MOST_HOLE = 3 * LIVE_TIMESCALE
/** A step back up to this is disorder and pressed together; a longer one is a jump. */
const MOST_BACK = LIVE_TIMESCALE / 4
/** How far a track that begins may lie behind the other: who interleaves worse, or counts from its own beginning, is placed by arrival. */
const MOST_APART = 3 * LIVE_TIMESCALE
/** Between decoding and showing a picture; more is damage (H.264 holds back at most 16 pictures). */
const MOST_REORDER = 10 * LIVE_TIMESCALE
/** Offsets that are remembered. */
const MOST_OFFSETS = 4
/** Frames of sound that are held until the first picture of a connection: some ten seconds. Then it is sound alone. */
const MOST_HELD = 500

type Kind = AccessUnit['kind']
type Track = {
  /** Decode time of the latest unit; null before the first. */
  last: number | null
  /** Time from the one before to the latest. */
  step: number
  offset: number | null
}

/** One clock for the tracks of a broadcast. */
export class SteadyTimes {
  readonly #tracks: Readonly<Record<Kind, Track>> = {
    video: { last: null, step: LIVE_TIMESCALE / 30, offset: null },
    audio: { last: null, step: (1024 * LIVE_TIMESCALE) / 48_000, offset: null },
  }
  /** Most recent first. */
  #offsets: number[] = []
  /** Where the next connection begins. */
  #from: number
  /** Sound that came before the first picture; null once that has come. */
  #held: AccessUnit[] | null = []

  /** `from`: where the first unit begins, in ticks; what was recorded before a restart ends there. */
  constructor(from = 0) {
    this.#from = from
  }

  /** Where the next unit is expected: nothing that came is later, or lasts longer. */
  get endTicks(): number {
    const ends = Object.values(this.#tracks).map(({ last, step }) => (last === null ? 0 : last + step))
    return Math.max(this.#from, ...ends)
  }

  /** What comes next is another connection's: its times begin where these end, with a sync picture. */
  reconnect(): void {
    this.#from = this.endTicks
    for (const track of Object.values(this.#tracks)) track.offset = null
    this.#offsets = []
    this.#held = []
  }

  /**
   * The units that are due now, with steady times, in order: as a rule the one given. A connection begins with a sync
   * picture: pictures before it are left out, and sound waits for it and is left out as far as it is earlier. Where no
   * picture comes for ten seconds it begins with the sound.
   */
  take(unit: AccessUnit): readonly AccessUnit[] {
    if (this.#held === null) return this.#steady(unit)
    if (unit.kind === 'audio') {
      this.#held.push(unit)
      return this.#held.length < MOST_HELD ? [] : this.#beginWith([])
    }
    return unit.isSync ? this.#beginWith([unit]) : []
  }

  #beginWith(first: readonly AccessUnit[]): readonly AccessUnit[] {
    const held = heldWith(first[0], this.#held ?? [])
    this.#held = null
    return [...first, ...held].flatMap((due) => this.#steady(due))
  }

  #steady(unit: AccessUnit): AccessUnit[] {
    const track = this.#tracks[unit.kind]
    const found = unit.dts + this.#findOffset(track, unit)
    // Sound from before the first picture: there is no place for it.
    if (unit.kind === 'audio' && found < this.#from) return []
    // What is a little early is pressed against what was; a tick keeps them apart.
    const dts = Math.max(found, track.last === null ? this.#from : track.last + 1)
    if (track.last !== null) track.step = Math.min(dts - track.last, LIVE_TIMESCALE)
    track.last = dts
    return [{ ...unit, dts, pts: dts + reorderOf(unit) }]
  }

  #findOffset(track: Track, unit: AccessUnit): number {
    const known = track.offset === null ? this.#offsets : [track.offset, ...this.#offsets]
    const offset =
      known.find((one) => this.#fits(track, unit.dts + one)) ??
      known
        .flatMap((one) => TURNS.flatMap((turn) => [one + turn, one - turn]))
        .find((one) => this.#fits(track, unit.dts + one)) ??
      this.endTicks - unit.dts
    track.offset = offset
    if (this.#offsets[0] !== offset) {
      this.#offsets = [offset, ...this.#offsets.filter((one) => one !== offset)].slice(0, MOST_OFFSETS)
    }
    return offset
  }

  /** Whether a time follows what this track, and all of them, have had. */
  #fits(track: Track, time: number): boolean {
    const end = this.endTicks
    if (time > end + MOST_HOLE) return false
    if (track.offset === null) return time >= end - MOST_APART
    return track.last === null || time >= track.last - MOST_BACK
  }
}

/**
 * Of the sound that has waited for this picture what may belong to it. The latest came just before the picture: where its
 * time says so too, both have one clock, and what is earlier has no place. Else the clocks have nothing to do with each
 * other, and only arrival says what belongs together.
 */
function heldWith(picture: AccessUnit | undefined, held: readonly AccessUnit[]): readonly AccessUnit[] {
  const latest = held.at(-1)
  if (picture === undefined || latest === undefined) return held
  const isOneClock = Math.abs(picture.dts - latest.dts) <= MOST_APART
  return isOneClock ? held.filter(({ dts }) => dts >= picture.dts) : held
}

/** From decoding to showing. Both times may lie on either side of a wrap. */
function reorderOf({ dts, pts }: AccessUnit): number {
  const apart = pts - dts
  const reorder = [apart, ...TURNS.map((turn) => apart + turn)].find((one) => one >= 0 && one <= MOST_REORDER)
  return reorder ?? 0
}

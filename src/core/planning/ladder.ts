/** The rungs for a source (spec/media.md §1): which sizes, at which bit rates, in which H.264 level. Pure. */

import type { Rational } from './plan.ts'

/** A rung of the table; bit rates for frame rates up to 35. */
type TableRung = { readonly shortSide: number; readonly targetKbps: number; readonly maxKbps: number }

const TABLE: readonly TableRung[] = [
  { shortSide: 240, targetKbps: 300, maxKbps: 450 },
  { shortSide: 360, targetKbps: 700, maxKbps: 1050 },
  { shortSide: 480, targetKbps: 1400, maxKbps: 2100 },
  { shortSide: 720, targetKbps: 2800, maxKbps: 4200 },
  { shortSide: 1080, targetKbps: 5000, maxKbps: 7500 },
]
/** Above it bit rates are half as much again. */
const FAST_RATE = 35
/** A source this much above a rung gets a rung of its own size. */
const OWN_SIZE_FROM = 1.1
/** 240p only from this source size on. */
const SMALLEST_FOR_240 = 480
/** No picture is wider than this; only panoramas meet it. */
const MAX_LONG_SIDE = 4096

/** One target of the encoder. */
export type Rung = {
  /** The rung's name, `<shorter side>p`. */
  readonly name: string
  /** Even, as displayed. */
  readonly width: number
  readonly height: number
  readonly targetBps: number
  readonly maxBps: number
  readonly profile: 'main' | 'high'
  /** As H.264 writes it: 31 = level 3.1. */
  readonly level: number
  /** RFC 6381. */
  readonly codec: string
}

/** Rungs in ascending size, at least one. `width` × `height`: the source as displayed; `rate`: pictures per second. */
export function planLadder(source: { width: number; height: number; rate: Rational }): readonly Rung[] {
  const shortSide = Math.min(source.width, source.height)
  const rungs = TABLE.filter(
    (rung) => rung.shortSide <= shortSide && (rung.shortSide > 240 || shortSide >= SMALLEST_FOR_240),
  )
  const top = rungs.at(-1)
  const largest = TABLE.at(-1)?.shortSide ?? 1080
  const ownSize = shortSide < largest && (top === undefined || shortSide > top.shortSide * OWN_SIZE_FROM)
  const targets = ownSize ? [...rungs, ratesBetween(shortSide)] : rungs
  return targets.map((target) => makeRung(target, source, shortSide))
}

/** The own-size rung: its rates lie between the table's as its area lies between theirs. */
function ratesBetween(shortSide: number): TableRung {
  const above = TABLE.find((rung) => rung.shortSide > shortSide) ?? {
    shortSide,
    targetKbps: 5000,
    maxKbps: 7500,
  }
  const below = TABLE.findLast((rung) => rung.shortSide <= shortSide) ?? {
    shortSide: 0,
    targetKbps: 60,
    maxKbps: 90,
  }
  const share = (shortSide ** 2 - below.shortSide ** 2) / (above.shortSide ** 2 - below.shortSide ** 2)
  const between = (from: number, to: number): number => Math.round((from + (to - from) * share) / 10) * 10
  return {
    shortSide,
    targetKbps: between(below.targetKbps, above.targetKbps),
    maxKbps: between(below.maxKbps, above.maxKbps),
  }
}

function makeRung(
  target: TableRung,
  source: { width: number; height: number; rate: Rational },
  sourceShortSide: number,
): Rung {
  const longest = Math.max(source.width, source.height)
  const scale = Math.min(target.shortSide / sourceShortSide, MAX_LONG_SIDE / longest)
  const width = even(source.width * scale)
  const height = even(source.height * scale)
  const framesPerSecond = source.rate.num / source.rate.den
  const factor = framesPerSecond > FAST_RATE ? 1500 : 1000
  const profile = target.shortSide <= 360 ? 'main' : 'high'
  const level = smallestLevel(width, height, framesPerSecond, target.maxKbps * factor, profile)
  return {
    name: `${target.shortSide}p`,
    width,
    height,
    targetBps: target.targetKbps * factor,
    maxBps: target.maxKbps * factor,
    profile,
    level,
    codec: `avc1.${profile === 'main' ? '4d40' : '6400'}${level.toString(16).padStart(2, '0')}`,
  }
}

function even(value: number): number {
  return Math.max(2, Math.round(value / 2) * 2)
}

/** ITU-T H.264 Table A-1: level, macroblocks per second, macroblocks per picture, kbit/s (times 1.25 for High). */
const LEVELS = [
  [10, 1485, 99, 64],
  [11, 3000, 396, 192],
  [12, 6000, 396, 384],
  [13, 11_880, 396, 768],
  [20, 11_880, 396, 2000],
  [21, 19_800, 792, 4000],
  [22, 20_250, 1620, 4000],
  [30, 40_500, 1620, 10_000],
  [31, 108_000, 3600, 14_000],
  [32, 216_000, 5120, 20_000],
  [40, 245_760, 8192, 20_000],
  [42, 522_240, 8704, 50_000],
  [50, 589_824, 22_080, 135_000],
  [51, 983_040, 36_864, 240_000],
  [52, 2_073_600, 36_864, 240_000],
] as const

/** The level is ours to say: left alone, the encoder derives it from a time base that is none with variable rates. */
function smallestLevel(
  width: number,
  height: number,
  framesPerSecond: number,
  maxBps: number,
  profile: 'main' | 'high',
): number {
  const across = Math.ceil(width / 16)
  const down = Math.ceil(height / 16)
  const blocks = across * down
  const rateFactor = profile === 'high' ? 1250 : 1000
  const fits = LEVELS.find(
    ([, perSecond, perPicture, kbps]) =>
      blocks * framesPerSecond <= perSecond &&
      blocks <= perPicture &&
      // A.3.1: neither side longer than the square root of eight times the picture's blocks.
      Math.max(across, down) <= Math.sqrt(perPicture * 8) &&
      maxBps <= kbps * rateFactor,
  )
  return fits?.[0] ?? 52
}

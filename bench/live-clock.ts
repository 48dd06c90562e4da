/**
 * A clock that is part of the picture, and one that is part of the sound: what a camera pointed at a clock would see. The
 * top of each picture holds the time at which it was drawn, as white and black cells; the sound beeps at every second
 * second.
 */

/** Of the picture, in pixels. */
export const CLOCK = { width: 640, height: 360, cell: 20, band: 40 } as const
/** 24 bits of milliseconds and 8 to check them: coding damages none without the other. */
const TIME_BITS = 24
const CHECK_BITS = 8
const WRAP_MS = 2 ** TIME_BITS
/** Cells are this bright; halfway between is the border. */
const [BLACK, WHITE] = [16, 235]
const BORDER = 126

export const SAMPLE_RATE = 48_000
/** A beep begins whenever the clock shows a multiple of it. */
export const BEEP_EVERY_MS = 2_000
const BEEP_MS = 100
const BEEP_HZ = 1_000
const BEEP_LEVEL = 12_000

/** One picture in 4:2:0, drawn at `nowMs` of the wall clock; below the clock something moves. */
export function drawPicture(nowMs: number): Uint8Array {
  const { width, height, cell, band } = CLOCK
  const bytes = new Uint8Array((width * height * 3) / 2).fill(128, width * height)
  const word = wordOf(nowMs)
  const row = new Uint8Array(width)
  for (let bit = 0; bit < TIME_BITS + CHECK_BITS; bit += 1) {
    row.fill((word >>> bit) & 1 ? WHITE : BLACK, bit * cell, (bit + 1) * cell)
  }
  for (let line = 0; line < band; line += 1) bytes.set(row, line * width)
  const phase = Math.floor(nowMs / 8)
  for (let line = band; line < height; line += 1) {
    bytes.fill(BLACK + ((line * 3 + phase) % (WHITE - BLACK)), line * width, (line + 1) * width)
  }
  return bytes
}

/** The time of a picture's top band (grey, of `width` pixels a line), milliseconds before `nowMs`; null when it is damaged. */
export function readAge(band: Uint8Array, width: number, nowMs: number): number | null {
  const cell = width / (TIME_BITS + CHECK_BITS)
  const lines = Math.floor(band.byteLength / width)
  let word = 0
  for (let bit = 0; bit < TIME_BITS + CHECK_BITS; bit += 1) {
    const at = Math.floor(lines / 2) * width + Math.floor((bit + 0.5) * cell)
    if ((band[at] ?? 0) > BORDER) word |= 1 << bit
  }
  return ageOf(word >>> 0, nowMs)
}

/** The same of a word whose bits were read elsewhere. */
export function ageOf(word: number, nowMs: number): number | null {
  const time = word % WRAP_MS
  if (word !== wordOf(time)) return null
  return (((Math.floor(nowMs) - time) % WRAP_MS) + WRAP_MS) % WRAP_MS
}

function wordOf(nowMs: number): number {
  const time = Math.floor(nowMs) % WRAP_MS
  const check = (time ^ (time >>> 8) ^ (time >>> 16) ^ 0xa5) & 0xff
  return ((check << TIME_BITS) | time) >>> 0
}

/** Mono samples of `[fromMs, toMs)` of the wall clock. */
export function drawSound(fromMs: number, toMs: number): Uint8Array {
  const count = Math.round(((toMs - fromMs) * SAMPLE_RATE) / 1_000)
  const samples = new Int16Array(count)
  for (let index = 0; index < count; index += 1) {
    const ms = fromMs + (index * 1_000) / SAMPLE_RATE
    if (ms % BEEP_EVERY_MS >= BEEP_MS) continue
    samples[index] = BEEP_LEVEL * Math.sin((2 * Math.PI * BEEP_HZ * ms) / 1_000)
  }
  return new Uint8Array(samples.buffer)
}

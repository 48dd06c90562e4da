/** H.264's parameter sets, which come in band here, as the configuration they make together. */

import { readSequenceParameterSet, removeEmulationPrevention } from '../codecs/avc.ts'
import { BitReader } from '../codecs/bits.ts'
import { writeAvcConfig } from '../codecs/write-avc.ts'
import type { VideoFormat } from '../live/units.ts'
import { NAL, nalType } from './annexb.ts'

/** Real ones have some tens of bytes; a set with every scaling list stays below. */
const MOST_SET_BYTES = 1024
/** ITU-T H.264 §7.4.2.1.1; there may be 256 of the others, of which nobody sends more than a few. */
const MOST_IDS = 31

/** Sets by their ids. Those that come are put in force by the next sync picture. */
export class ParameterSets {
  readonly #sps = new Map<number, Uint8Array>()
  readonly #pps = new Map<number, Uint8Array>()
  readonly #comingSps = new Map<number, Uint8Array>()
  readonly #comingPps = new Map<number, Uint8Array>()
  #config: Uint8Array | undefined

  /** Keeps a copy of a parameter set. Throws `codec_config_broken` when it has no id. */
  take(unit: Uint8Array): void {
    if (unit.byteLength > MOST_SET_BYTES) return
    const isSps = nalType(unit) === NAL.sps
    // §7.3.2.1.1 and §7.3.2.2: behind profile, flags and level, or at once.
    const id = readId(unit, isSps ? 32 : 8)
    if (id > MOST_IDS) return
    const coming = isSps ? this.#comingSps : this.#comingPps
    coming.set(id, unit.slice())
  }

  /**
   * What a sync picture is decoded with, if that differs from what it was before; undefined otherwise, and while sets are
   * missing. Throws `codec_config_broken` for sets that make no sense.
   */
  apply(): VideoFormat | undefined {
    if (this.#comingSps.size + this.#comingPps.size === 0) return undefined
    const isOther = [...this.#comingSps].some(([id, unit]) => !isEqual(this.#sps.get(id) ?? unit, unit))
    // Another sequence: what went with the old one is void (§7.4.1.2.1), unless nothing comes in its place.
    if (isOther) {
      this.#sps.clear()
      if (this.#comingPps.size > 0) this.#pps.clear()
    }
    move(this.#comingSps, this.#sps)
    move(this.#comingPps, this.#pps)
    const [first] = this.#sps.values()
    if (first === undefined || this.#pps.size === 0) return undefined
    const config = writeAvcConfig([...this.#sps.values()], [...this.#pps.values()])
    // Most sets come again and again, as they were.
    if (this.#config !== undefined && isEqual(this.#config, config)) return undefined
    this.#config = config
    const { width, height, pixelAspect } = readSequenceParameterSet(first)
    const shown = Math.max(1, Math.round((width * pixelAspect.num) / pixelAspect.den))
    return { kind: 'video', codec: 'avc', config, width: shown, height }
  }
}

function readId(unit: Uint8Array, bit: number): number {
  const reader = new BitReader(removeEmulationPrevention(unit.subarray(0, 16)), 'An H.264 parameter set')
  reader.skip(bit)
  return reader.ue()
}

function move(from: Map<number, Uint8Array>, to: Map<number, Uint8Array>): void {
  for (const [id, unit] of from) to.set(id, unit)
  from.clear()
}

function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0
}

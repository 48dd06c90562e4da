/** A frame of AAC in which nothing is heard, for where a broadcast has no sound (ISO/IEC 14496-3 §4.4.2.1). */

/** Elements by channel configuration (table 1.19): single, pair, low frequency. */
const ELEMENTS: Readonly<Record<number, readonly ('single' | 'pair' | 'low')[]>> = {
  1: ['single'],
  2: ['pair'],
  3: ['single', 'pair'],
  4: ['single', 'pair', 'single'],
  5: ['single', 'pair', 'pair'],
  6: ['single', 'pair', 'pair', 'low'],
  8: ['single', 'pair', 'pair', 'pair', 'low'],
}

/** `id_syn_ele` (table 4.85). */
const IDS = { single: 0, pair: 1, low: 3, end: 7 } as const

/** A raw data block with no spectral data in any channel; that of two channels where the number is an unusual one. */
export function silentFrame(channels: number): Uint8Array {
  const bits: number[] = []
  const put = (value: number, width: number): void => {
    for (let at = width - 1; at >= 0; at -= 1) bits.push((value >> at) & 1)
  }
  const tags = { single: 0, pair: 0, low: 0 }
  for (const element of ELEMENTS[channels] ?? ELEMENTS[2] ?? []) {
    put(IDS[element], 3)
    put(tags[element], 4)
    tags[element] += 1
    // Without a common window each channel of a pair has all its own information.
    if (element === 'pair') put(0, 1)
    for (let channel = 0; channel < (element === 'pair' ? 2 : 1); channel += 1) putChannel(put)
  }
  put(IDS.end, 3)
  const bytes = new Uint8Array(Math.ceil(bits.length / 8))
  for (const [at, bit] of bits.entries()) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (bit << (7 - (at & 7)))
  return bytes
}

/** `individual_channel_stream` with `max_sfb` 0: no sections, no scale factors, no spectrum. */
function putChannel(put: (value: number, width: number) => void): void {
  put(GLOBAL_GAIN, 8)
  // ics_reserved_bit, window_sequence (ONLY_LONG), window_shape, max_sfb, predictor_data_present.
  put(0, 1 + 2 + 1 + 6 + 1)
  // pulse_data_present, tns_data_present, gain_control_data_present.
  put(0, 3)
}

/** Any value: nothing is scaled by it. */
const GLOBAL_GAIN = 100

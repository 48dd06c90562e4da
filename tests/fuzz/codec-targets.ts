/** The fuzz targets of codec configurations that are looked into more closely, and of the heads of segments. */

import { isFailure } from '../../src/lib/failure.ts'
import { findPayload } from '../../src/media/cmaf/segment-head.ts'
import { restampHead } from '../../src/media/cmaf/restamp-head.ts'
import { readParameterSets, readSequenceParameterSet } from '../../src/media/codecs/avc.ts'
import { freeParameterSetId, joinAvcConfigs } from '../../src/media/codecs/join-avc.ts'
import { readAvcConfigBox, replaceAvcConfig } from '../../src/media/isobmff/replace-config.ts'
import { avc1Entry } from '../../src/media/isobmff/write-boxes.ts'
import type { FuzzTarget } from './fuzz.ts'

/** What the seeds of other targets are made of. */
type Material = { readonly avcConfig: Uint8Array; readonly segment: () => Promise<Uint8Array> }

/** Makes the targets. */
export function codecTargets({ avcConfig, segment }: Material): readonly FuzzTarget[] {
  const sps = readParameterSets(avcConfig, 6, (avcConfig[5] ?? 0) & 0x1f).units[0] ?? new Uint8Array()
  return [
    {
      name: 'sps',
      seeds: async () => [sps],
      run: async (bytes) => {
        const { width, height, reorderFrames } = readSequenceParameterSet(bytes)
        if (!(width > 0 && height > 0)) throw new Error('An impossible size.')
        if (reorderFrames !== null && !(reorderFrames >= 0)) throw new Error('An impossible order.')
      },
    },
    {
      name: 'join-avc',
      seeds: async () => [avcConfig, configOf([0, 1, 2]), configOf([0, 0]), manySets()],
      run: async (bytes) => {
        const id = freeParameterSetId(bytes)
        // As planning asks, before anything is joined.
        if (id === undefined || ((bytes[4] ?? 0) & 3) !== 3) return
        const entry = avc1Entry({ avcC: bytes, width: 16, height: 16 })
        const joined = joinAvcConfigs(readAvcConfigBox(entry), configOf([id]))
        const count = (config: Uint8Array) => (config[5] ?? 0) & 0x1f
        if (count(joined) < 1 || count(joined) > count(bytes) + 1) throw new Error('A set was lost.')
        const again = readAvcConfigBox(replaceAvcConfig(entry, joined))
        if (Buffer.compare(again, joined) !== 0) throw new Error('It reads differently.')
        if (freeParameterSetId(joined) === id) throw new Error('The id is free still.')
      },
    },
    {
      name: 'segment-head',
      seeds: async () => [await segment()],
      run: async (bytes) => {
        const found = findPayload(bytes)
        if ('needBytes' in found && found.needBytes <= bytes.byteLength)
          throw new Error('It needs what it has.')
        const head = restampHead(bytes, { shiftTicks: 0, sequence: 7 })
        if (head.byteLength !== bytes.byteLength) throw new Error('It has another length.')
        const back = tryRestamp(head)
        if (back !== undefined && Buffer.compare(back, head) !== 0) throw new Error('It reads differently.')
      },
    },
  ]
}

function tryRestamp(head: Uint8Array): Uint8Array | undefined {
  try {
    return restampHead(head, { shiftTicks: 0, sequence: 7 })
  } catch (error) {
    // The sequence number may have been written over the very box that says where it is.
    if (isFailure(error, 'blob_damaged')) return undefined
    throw error
  }
}

/** `avcC` with a set of each kind per id, of which nothing but the id makes sense. */
function configOf(ids: readonly number[]): Uint8Array {
  const sets = (header: readonly number[]) =>
    ids.flatMap((id) => {
      const unit = [...header, ...golomb(id)]
      return [0, unit.length, ...unit]
    })
  const head = [1, 77, 0, 11, 0xff, 0xe0 | ids.length]
  return Uint8Array.from([...head, ...sets([0x67, 77, 0, 11]), ids.length, ...sets([0x68])])
}

/** Every id but one, which leaves no room to count another. */
function manySets(): Uint8Array {
  return configOf(Array.from({ length: 31 }, (_, id) => id))
}

/** ue(v) and a stop bit, as whole bytes (ITU-T H.264 §9.1). */
function golomb(value: number): number[] {
  const code = (value + 1).toString(2)
  const bits = `${'0'.repeat(code.length - 1)}${code}1`
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0')
  return (padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2))
}

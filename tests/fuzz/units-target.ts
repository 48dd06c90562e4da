/** The fuzz target of what the decoder of a broadcast writes. */

import { UnitsReader } from '../../src/media/live/read-units.ts'
import type { AccessUnit, LiveFormat } from '../../src/media/live/units.ts'
import { writeUnit, writeUnitsHead } from '../../src/media/live/write-units.ts'
import type { FuzzTarget } from './fuzz.ts'

const OFFSET = 900_000

/** Reads damaged streams in pieces of several sizes; what it takes for a unit lies in what it was given. */
export function unitsTarget(avcConfig: Uint8Array): FuzzTarget {
  const formats: readonly LiveFormat[] = [
    { kind: 'video', codec: 'avc', config: avcConfig, width: 160, height: 120 },
    { kind: 'audio', codec: 'aac', config: Uint8Array.of(0x11, 0x90), sampleRate: 48_000, channels: 2 },
    { kind: 'audio', codec: 'opus', config: new Uint8Array(0), sampleRate: 48_000, channels: 1 },
  ]
  return {
    name: 'read-units',
    seeds: async () =>
      formats.map((format) => Buffer.concat([writeUnitsHead(format), ...threeUnits(format)])),
    run: async (bytes) => {
      const reader = new UnitsReader(OFFSET)
      let given = 0
      for (let at = 0; at < bytes.byteLength; at += 97) {
        const piece = bytes.slice(at, at + 97)
        given += piece.byteLength
        for (const { unit } of reader.push(piece)) {
          if (unit === undefined) continue
          if (!Number.isSafeInteger(unit.dts) || !Number.isSafeInteger(unit.pts)) throw new Error('No time.')
          given -= unit.data.byteLength
          if (given < 0) throw new Error('More came out than went in.')
        }
      }
    },
  }
}

function threeUnits({ kind }: LiveFormat): readonly Uint8Array[] {
  return [0, 1, 2].map((index) => {
    const dts = index * 3_000
    const unit: AccessUnit = { kind, dts, pts: dts, isSync: index === 0, data: new Uint8Array(40 + index) }
    return writeUnit(unit, { sequence: index + 1, offset: OFFSET })
  })
}

import { describe, expect, test } from 'vitest'
import { AVC_CONFIG } from '../../../tests/fuzz/codec-configs.ts'
import { box, concatBytes } from '../isobmff/write-boxes.ts'
import { type ReadUnit, UnitsReader } from './read-units.ts'
import type { AccessUnit, LiveFormat } from './units.ts'
import { writeUnit, writeUnitsHead } from './write-units.ts'

const PICTURES: LiveFormat = { kind: 'video', codec: 'avc', config: AVC_CONFIG, width: 160, height: 120 }
const AAC: LiveFormat = {
  kind: 'audio',
  codec: 'aac',
  config: Uint8Array.of(0x11, 0x90),
  sampleRate: 48_000,
  channels: 2,
}
const OPUS: LiveFormat = {
  kind: 'audio',
  codec: 'opus',
  config: new Uint8Array(0),
  sampleRate: 48_000,
  channels: 1,
}
const OFFSET = 900_000

function unitsOf(kind: AccessUnit['kind']): readonly AccessUnit[] {
  return [0, 1, 2].map((index) => ({
    kind,
    dts: index * 3_000 - 1_920,
    pts: index * 3_000 - 1_920 + (kind === 'video' ? 6_000 : 0),
    isSync: kind === 'audio' || index === 0,
    data: Uint8Array.of(index, 1, 2, 3),
  }))
}

function streamOf(format: LiveFormat): Uint8Array {
  return concatBytes([
    writeUnitsHead(format),
    ...unitsOf(format.kind).map((unit, index) => writeUnit(unit, { sequence: index + 1, offset: OFFSET })),
  ])
}

describe('a stream of units', () => {
  test.each([
    ['H.264', PICTURES],
    ['AAC', AAC],
    ['Opus', OPUS],
  ])('is read as it was written, however it is cut: %s', (_, format) => {
    const bytes = streamOf(format)
    const expected = [{ format }, ...unitsOf(format.kind).map((unit) => ({ unit }))]
    for (const step of [1, 7, bytes.byteLength]) {
      const reader = new UnitsReader(OFFSET)
      const read: ReadUnit[] = []
      for (let at = 0; at < bytes.byteLength; at += step)
        read.push(...reader.push(bytes.slice(at, at + step)))
      expect(read).toEqual(expected)
    }
  })

  test('VP8 is written only: nothing is ever converted into it', () => {
    const head = writeUnitsHead({ ...PICTURES, codec: 'vp8', config: new Uint8Array(0) })
    expect(() => new UnitsReader(0).push(head)).toThrow(/no codec that was asked for/)
  })
})

describe('what is no such stream is refused', () => {
  const head = writeUnitsHead(AAC)
  const [unit] = unitsOf('audio')
  const fragment = writeUnit(unit ?? raise(), { sequence: 1, offset: OFFSET })
  const moof = fragment.subarray(0, fragment.byteLength - 12)

  test.each<[string, Uint8Array, RegExp]>([
    [
      'a box larger than a picture can be',
      Uint8Array.of(0x7f, 0, 0, 0, ...code('mdat')),
      /box of 2130706432/,
    ],
    ['a table larger than one sample needs', Uint8Array.of(0, 2, 0, 0, ...code('moof')), /box of 131072/],
    ['a box smaller than its own head', Uint8Array.of(0, 0, 0, 4, ...code('moof')), /box of 4 bytes/],
    ['data before what says what is in them', box('mdat', new Uint8Array(4)), /comes before/],
    ['a fragment without a head', fragment, /comes before/],
    ['a head without tracks', box('moov'), /lacks a box/],
    ['a sample beyond its data', concatBytes([head, moof, box('mdat', new Uint8Array(3))]), /outside/],
    [
      'a sample before its data',
      concatBytes([head, withDataOffset(moof, 4), box('mdat', new Uint8Array(4))]),
      /outside/,
    ],
  ])('%s', (_, bytes, sentence) => {
    expect(() => new UnitsReader(0).push(bytes)).toThrow(sentence)
  })

  test('the same bytes are not many samples', () => {
    const run = moof.slice(indexOf(moof, 'trun') - 4)
    const traf = indexOf(moof, 'traf') - 4
    const doubled = concatBytes([moof, run])
    const view = new DataView(doubled.buffer)
    view.setUint32(0, doubled.byteLength)
    view.setUint32(traf, view.getUint32(traf) + run.byteLength)
    // Both count their data from the start of the fragment, which is longer now.
    for (const at of [indexOf(doubled, 'trun'), doubled.byteLength - run.byteLength + 4]) {
      view.setUint32(at + 12, doubled.byteLength + 8)
    }
    expect(() =>
      new UnitsReader(0).push(concatBytes([head, doubled, box('mdat', new Uint8Array(4))])),
    ).toThrow(/outside/)
  })
})

function code(type: string): number[] {
  return [...Buffer.from(type, 'latin1')]
}

function indexOf(bytes: Uint8Array, type: string): number {
  return Buffer.from(bytes).indexOf(type, 0, 'latin1')
}

/** `trun`'s data offset stands behind version, flags and count. */
function withDataOffset(moof: Uint8Array, offset: number): Uint8Array {
  const changed = moof.slice()
  new DataView(changed.buffer).setUint32(indexOf(moof, 'trun') + 12, offset)
  return changed
}

function raise(): never {
  throw new Error('There is a unit.')
}

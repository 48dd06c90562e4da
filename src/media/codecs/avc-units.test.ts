import { expect, test } from 'vitest'
import { type AvcUnits, readAvcUnits } from './avc-units.ts'

const DELIMITER = [0x09, 0xf0]
const INFORMATION = [0x06, 0x05, 0x80]
const SPS = [0x67, 0x64]
const PPS = [0x68, 0xee]
const IDR = [0x65, 0x88]
const REFERENCE = [0x41, 0x9a]
const DISPOSABLE = [0x01, 0x9e]
const END_OF_SEQUENCE = [0x0a]

const sample = (units: readonly (readonly number[])[]) =>
  Uint8Array.from(units.flatMap((unit) => [0, 0, 0, unit.length, ...unit]))

const plain: AvcUnits = { isIdr: false, isDisposable: false, parameterSets: 'none' }

test.each<[string, readonly (readonly number[])[], AvcUnits]>([
  ['a picture that others refer to', [DELIMITER, REFERENCE], plain],
  [
    'a picture that nobody refers to',
    [DELIMITER, INFORMATION, DISPOSABLE, DISPOSABLE],
    { ...plain, isDisposable: true },
  ],
  ['one of whose slices only one is referred to', [DISPOSABLE, REFERENCE], plain],
  ['one that ends a sequence', [DISPOSABLE, END_OF_SEQUENCE], plain],
  ['one that carries a parameter set', [PPS, DISPOSABLE], { ...plain, parameterSets: 'some' }],
  ['an IDR picture', [INFORMATION, IDR], { ...plain, isIdr: true }],
  [
    'an IDR picture with its parameter sets',
    [SPS, PPS, IDR],
    { isIdr: true, isDisposable: false, parameterSets: 'all' },
  ],
])('%s', (_name, units, told) => {
  expect(readAvcUnits(sample(units), 4)).toEqual(told)
})

test('lengths of one and two bytes are read, too', () => {
  expect(readAvcUnits(Uint8Array.of(2, ...IDR), 1).isIdr).toBe(true)
  expect(readAvcUnits(Uint8Array.of(0, 2, ...IDR), 2).isIdr).toBe(true)
})

test.each([
  ['a unit beyond its end', Uint8Array.of(0, 0, 0, 9, ...DISPOSABLE)],
  ['a unit of no bytes', Uint8Array.of(0, 0, 0, 0, ...sample([DISPOSABLE]))],
  ['a length that is cut off', Uint8Array.of(...sample([DISPOSABLE]), 0, 0)],
])('of a sample with %s nothing is known', (_name, bytes) => {
  expect(readAvcUnits(bytes, 4)).toEqual({ ...plain, parameterSets: 'some' })
})

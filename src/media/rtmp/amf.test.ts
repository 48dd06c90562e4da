import { describe, expect, test } from 'vitest'
import type { AmfValue } from './amf-bytes.ts'
import { amfObject, readAmf0, writeAmf0, writeEcmaArray } from './amf0.ts'

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const text = (value: string): string => Buffer.from(value).toString('hex')

describe('AMF 0', () => {
  test.each<[string, AmfValue]>([
    ['a number', 1.5],
    ['no number', Number.NaN],
    ['true', true],
    ['false', false],
    ['a text', 'Grüße'],
    ['a long text', 'x'.repeat(70_000)],
    ['null', null],
    ['undefined', undefined],
    ['a list', [1, 'two', [null]]],
    ['an object', amfObject({ app: 'live', inner: amfObject({ __proto__x: 1 }) })],
    [
      'an object with the names of JavaScript',
      new Map<string, AmfValue>([
        ['__proto__', 'live'],
        ['constructor', 2],
      ]),
    ],
  ])('%s is read as it was written', (_, value) => {
    expect(readAmf0(writeAmf0(value, 'end'))).toEqual([value, 'end'])
  })

  test('an ECMA array is read as an object', () => {
    expect(readAmf0(writeEcmaArray(amfObject({ width: 320 })))).toEqual([new Map([['width', 320]])])
  })

  test.each<[string, string, AmfValue]>([
    ['a date is its milliseconds', '0b 4059000000000000 0000', 100],
    ['XML is its text', `0f 00000003 ${text('<a>')}`, '<a>'],
    [
      'a typed object is an object',
      `10 0001 ${text('C')} 0001 ${text('a')} 05 0000 09`,
      new Map([['a', null]]),
    ],
    ['what is not supported is undefined', '0d', undefined],
    ['a reference is undefined', '07 0000', undefined],
  ])('%s', (_, hex, value) => {
    expect(readAmf0(bytes(hex))).toEqual([value])
  })

  test.each([
    ['a text that ends too soon', '02 0005 61', /needs 5 more bytes.*ends after 1/],
    ['an object without an end', `03 0001 ${text('a')} 05`, /ends after 0/],
    ['a list that claims more than there is', '0a ffffffff 05', /ends after 0/],
    ['an unknown type', '20', /unknown type 32/],
    ['objects in objects without end', `03 0001 ${text('a')}`.repeat(9), /more than 8 deep/],
    ['lists in lists without end', '0a 00000001'.repeat(100), /more than 8 deep/],
  ])('%s is refused', (_, hex, sentence) => {
    expect(() => readAmf0(bytes(hex))).toThrow(sentence)
  })
})

describe('AMF 3 inside AMF 0', () => {
  test.each<[string, string, AmfValue]>([
    ['undefined', '00', undefined],
    ['null', '01', null],
    ['false', '02', false],
    ['true', '03', true],
    ['a number of one byte', '04 7f', 127],
    ['a number of two bytes', '04 8100', 128],
    ['a number of four bytes', '04 bfffffff', 268_435_455],
    ['a negative number', '04 ffffffff', -1],
    ['a fraction', '05 3ff8000000000000', 1.5],
    ['a text', `06 07 ${text('abc')}`, 'abc'],
    ['a date', '08 01 4059000000000000', 100],
    ['a list, its text by reference', `09 05 01 06 07 ${text('abc')} 06 00`, ['abc', 'abc']],
    [
      'a list with names',
      `09 03 03 ${text('n')} 02 01 03`,
      new Map<string, AmfValue>([
        ['n', false],
        ['0', true],
      ]),
    ],
    [
      'an object with fixed and free names',
      `0a 1b 01 03 ${text('a')} 03 03 ${text('b')} 02 01`,
      new Map([
        ['a', true],
        ['b', false],
      ]),
    ],
    ['the same object twice', `09 05 01 0a 0b 01 01 0a 02`, [new Map(), new Map()]],
    ['bytes', '0c 05 0102', undefined],
  ])('%s', (_, hex, value) => {
    expect(readAmf0(bytes(`11 ${hex}`))).toEqual([value])
  })

  test.each([
    ['an unknown type', '11 20', /AMF 3 has the unknown type 32/],
    ['a class in a form of its own', '11 0a 07 01', /externalizable/],
    ['a class that was never described', '11 0a 05', /never described/],
    ['lists in lists without end', `11 ${'09 03 01'.repeat(20)}`, /more than 8 deep/],
    ['a class of more names than there is', '11 0a bfffffff 01', /externalizable|ends after/],
  ])('%s is refused', (_, hex, sentence) => {
    expect(() => readAmf0(bytes(hex))).toThrow(sentence)
  })
})

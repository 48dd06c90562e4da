/**
 * AMF 0 ("Action Message Format", 2007): the values in RTMP's commands and in FLV's metadata. Objects are maps, so that no
 * name in them means anything to JavaScript.
 */

import { readAmf3 } from './amf3.ts'
import { AmfBytes, type AmfValue } from './amf-bytes.ts'
import { broken } from './message.ts'

const MARKER = {
  number: 0,
  boolean: 1,
  string: 2,
  object: 3,
  null: 5,
  undefined: 6,
  reference: 7,
  ecmaArray: 8,
  objectEnd: 9,
  strictArray: 10,
  date: 11,
  longString: 12,
  unsupported: 13,
  xml: 15,
  typedObject: 16,
  avmPlus: 17,
} as const

/** Objects in objects in objects; clients send one level. */
const MOST_DEPTH = 8
/** Strings with a longer length have a marker of their own (§2.14). */
const LONGEST_SHORT_STRING = 65_535

/** Every value from the beginning to the end. Throws `live_stream_broken`. */
export function readAmf0(bytes: Uint8Array): AmfValue[] {
  const reader = new AmfBytes(bytes)
  const values: AmfValue[] = []
  while (reader.left > 0) values.push(readValue(reader, 0))
  return values
}

/** The values one after the other. A map is written as an object. */
export function writeAmf0(...values: readonly AmfValue[]): Uint8Array {
  return Uint8Array.from(values.flatMap(writeValue))
}

/** A map as the ECMA array that metadata is by custom (§2.10). */
export function writeEcmaArray(map: ReadonlyMap<string, AmfValue>): Uint8Array {
  return Uint8Array.from([MARKER.ecmaArray, ...u32Bytes(map.size), ...writeProperties(map)])
}

/** A map out of a plain record, for writing. */
export function amfObject(properties: Readonly<Record<string, AmfValue>>): ReadonlyMap<string, AmfValue> {
  return new Map(Object.entries(properties))
}

function readValue(reader: AmfBytes, depth: number): AmfValue {
  if (depth > MOST_DEPTH) throw broken(`Values of AMF lie more than ${MOST_DEPTH} deep in each other.`)
  const marker = reader.u8()
  switch (marker) {
    case MARKER.number:
      return reader.double()
    case MARKER.boolean:
      return reader.u8() !== 0
    case MARKER.string:
      return reader.text(reader.u16())
    case MARKER.object:
      return readProperties(reader, depth)
    case MARKER.null:
      return null
    case MARKER.undefined:
    case MARKER.unsupported:
      return undefined
    case MARKER.reference:
      // To an object that came before; nothing that is asked of a command stands in one twice.
      reader.u16()
      return undefined
    case MARKER.ecmaArray:
      // The count is a hint only (§2.10).
      reader.u32()
      return readProperties(reader, depth)
    case MARKER.strictArray:
      return readArray(reader, depth)
    case MARKER.date: {
      const milliseconds = reader.double()
      reader.u16()
      return milliseconds
    }
    case MARKER.longString:
    case MARKER.xml:
      return reader.text(reader.u32())
    case MARKER.typedObject:
      reader.text(reader.u16())
      return readProperties(reader, depth)
    case MARKER.avmPlus:
      return readAmf3(reader)
    default:
      throw broken(`A value of AMF has the unknown type ${marker}.`)
  }
}

function readProperties(reader: AmfBytes, depth: number): Map<string, AmfValue> {
  const properties = new Map<string, AmfValue>()
  for (;;) {
    const name = reader.text(reader.u16())
    if (name === '' && reader.peek() === MARKER.objectEnd) {
      reader.u8()
      return properties
    }
    properties.set(name, readValue(reader, depth + 1))
  }
}

function readArray(reader: AmfBytes, depth: number): AmfValue[] {
  const count = reader.u32()
  const values: AmfValue[] = []
  // Each takes a byte at least, so a count that is too large ends soon.
  for (let index = 0; index < count; index += 1) values.push(readValue(reader, depth + 1))
  return values
}

function writeValue(value: AmfValue): number[] {
  if (value === null) return [MARKER.null]
  if (value === undefined) return [MARKER.undefined]
  if (typeof value === 'number') return [MARKER.number, ...doubleBytes(value)]
  if (typeof value === 'boolean') return [MARKER.boolean, value ? 1 : 0]
  if (typeof value === 'string') return writeString(value)
  if (value instanceof Map) return [MARKER.object, ...writeProperties(value)]
  const values = value as readonly AmfValue[]
  return [MARKER.strictArray, ...u32Bytes(values.length), ...values.flatMap(writeValue)]
}

function writeString(text: string): number[] {
  const bytes = new TextEncoder().encode(text)
  if (bytes.byteLength > LONGEST_SHORT_STRING) {
    return [MARKER.longString, ...u32Bytes(bytes.byteLength), ...bytes]
  }
  return [MARKER.string, ...u16Bytes(bytes.byteLength), ...bytes]
}

function writeProperties(map: ReadonlyMap<string, AmfValue>): number[] {
  const properties = [...map].flatMap(([name, value]) => {
    const bytes = new TextEncoder().encode(name)
    return [...u16Bytes(bytes.byteLength), ...bytes, ...writeValue(value)]
  })
  return [...properties, 0, 0, MARKER.objectEnd]
}

function u16Bytes(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff]
}

function u32Bytes(value: number): number[] {
  return [...u16Bytes(value >>> 16), ...u16Bytes(value)]
}

function doubleBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return bytes
}

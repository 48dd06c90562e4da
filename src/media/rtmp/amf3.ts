/**
 * AMF 3 ("AMF 3 Specification", 2013), as far as clients put it into commands: it may follow the marker of AMF 0 that
 * switches to it. Only read, never written: whoever offers AMF 3 takes AMF 0.
 */

import type { AmfBytes, AmfValue } from './amf-bytes.ts'
import { broken } from './message.ts'

const MOST_DEPTH = 8

/** What a value may refer back to (§2.2). A value inside itself is undefined there. */
type Tables = {
  readonly texts: string[]
  readonly objects: AmfValue[]
  readonly traits: Traits[]
}

type Traits = { readonly names: readonly string[]; readonly isDynamic: boolean }

/** One value. Throws `live_stream_broken`. */
export function readAmf3(reader: AmfBytes): AmfValue {
  return readValue(reader, { texts: [], objects: [], traits: [] }, 0)
}

function readValue(reader: AmfBytes, tables: Tables, depth: number): AmfValue {
  if (depth > MOST_DEPTH) throw broken(`Values of AMF lie more than ${MOST_DEPTH} deep in each other.`)
  const marker = reader.u8()
  switch (marker) {
    case 0x00:
      return undefined
    case 0x01:
      return null
    case 0x02:
      return false
    case 0x03:
      return true
    case 0x04:
      // 29 bits with a sign (§3.6).
      return (readU29(reader) << 3) >> 3
    case 0x05:
      return reader.double()
    case 0x06:
      return readText(reader, tables)
    case 0x07:
    case 0x0b:
      return readReferable(reader, tables, (count) => reader.text(count))
    case 0x08:
      return readReferable(reader, tables, () => reader.double())
    case 0x09:
      return readReferable(reader, tables, (count) => readArray(reader, tables, { count, depth }))
    case 0x0a:
      return readReferable(reader, tables, (flags) => readObject(reader, tables, { flags, depth }))
    case 0x0c:
      return readReferable(reader, tables, (count) => {
        reader.skip(count)
        return undefined
      })
    default:
      throw broken(`A value of AMF 3 has the unknown type ${marker}.`)
  }
}

/** §1.3.1: seven bits a byte, in the fourth eight. */
function readU29(reader: AmfBytes): number {
  let value = 0
  for (let index = 0; index < 3; index += 1) {
    const byte = reader.u8()
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) return value
  }
  return value * 256 + reader.u8()
}

function readText(reader: AmfBytes, { texts }: Tables): string {
  const header = readU29(reader)
  if ((header & 1) === 0) return texts[header >> 1] ?? ''
  const text = reader.text(header >> 1)
  // The empty one is never referred to (§1.3.2).
  if (text !== '') texts.push(text)
  return text
}

/** A value that came before, or a new one, which `read` is given the upper 28 bits of. */
function readReferable(reader: AmfBytes, { objects }: Tables, read: (header: number) => AmfValue): AmfValue {
  const header = readU29(reader)
  if ((header & 1) === 0) return objects[header >> 1]
  const place = objects.push(undefined) - 1
  const value = read(header >> 1)
  objects[place] = value
  return value
}

/** §3.11: named values, then numbered ones; as one list unless there are names. */
function readArray(
  reader: AmfBytes,
  tables: Tables,
  { count, depth }: { count: number; depth: number },
): AmfValue {
  const named = readNamed(reader, tables, depth)
  const values: AmfValue[] = []
  for (let index = 0; index < count; index += 1) values.push(readValue(reader, tables, depth + 1))
  if (named.size === 0) return values
  for (const [index, value] of values.entries()) named.set(String(index), value)
  return named
}

/** §3.12. */
function readObject(
  reader: AmfBytes,
  tables: Tables,
  { flags, depth }: { flags: number; depth: number },
): AmfValue {
  const traits = readTraits(reader, tables, flags)
  const properties = new Map<string, AmfValue>()
  for (const name of traits.names) properties.set(name, readValue(reader, tables, depth + 1))
  if (traits.isDynamic) {
    for (const [name, value] of readNamed(reader, tables, depth)) properties.set(name, value)
  }
  return properties
}

function readTraits(reader: AmfBytes, tables: Tables, flags: number): Traits {
  if ((flags & 1) === 0) {
    const known = tables.traits[flags >> 1]
    if (known === undefined) throw broken('An object of AMF 3 refers to a class that was never described.')
    return known
  }
  // Its bytes mean something to one program only, so nobody can tell where they end.
  if ((flags & 2) !== 0)
    throw broken('An object of AMF 3 is written in a form of its own ("externalizable").')
  readText(reader, tables)
  const names: string[] = []
  for (let left = flags >> 3; left > 0; left -= 1) {
    // A reference to the empty text takes a byte, too: a count that is too large ends soon.
    names.push(readText(reader, tables))
  }
  const traits = { names, isDynamic: (flags & 4) !== 0 }
  tables.traits.push(traits)
  return traits
}

function readNamed(reader: AmfBytes, tables: Tables, depth: number): Map<string, AmfValue> {
  const properties = new Map<string, AmfValue>()
  for (;;) {
    const name = readText(reader, tables)
    if (name === '') return properties
    properties.set(name, readValue(reader, tables, depth + 1))
  }
}

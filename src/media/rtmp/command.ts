/** Commands of RTMP 1.0 (§7.2), and the names that live publishers and players give streams. */

import { readAmf0, writeAmf0 } from './amf0.ts'
import type { AmfValue } from './amf-bytes.ts'
import { broken, MESSAGE, type RtmpMessage } from './message.ts'

/** A call of the far end, or its answer to one of ours. */
export type Command = {
  readonly name: string
  /** What the answer names; 0 where none is wanted. */
  readonly transaction: number
  /** Of `connect` and of statuses: a map. */
  readonly object: AmfValue
  readonly args: readonly AmfValue[]
}

/** The longest that is read; clients send a few hundred bytes. */
export const LONGEST_COMMAND_BYTES = 65_536

/** Reads a message of type command, in either AMF. Throws `live_stream_broken`. */
export function readCommand(message: RtmpMessage): Command {
  const [name, transaction, object, ...args] = readValues(message)
  if (typeof name !== 'string') throw broken('A command of RTMP has no name.')
  return { name, transaction: typeof transaction === 'number' ? transaction : 0, object, args }
}

/**
 * The values of a command or data message. Those of AMF 3 begin with a byte for the format and go on in AMF 0, which switches
 * to AMF 3 where it must (§7.1.1). Throws `live_stream_broken`.
 */
export function readValues({ type, payload }: RtmpMessage): AmfValue[] {
  if (payload.byteLength > LONGEST_COMMAND_BYTES) {
    throw broken(
      `A command or data message of RTMP has ${payload.byteLength} bytes, expected at most ${LONGEST_COMMAND_BYTES}.`,
    )
  }
  const isAmf3 = type === MESSAGE.commandAmf3 || type === MESSAGE.dataAmf3
  return readAmf0(isAmf3 && payload[0] === 0 ? payload.subarray(1) : payload)
}

/** The payload of a command. */
export function writeCommand(
  name: string,
  transaction: number,
  object: AmfValue,
  ...args: readonly AmfValue[]
): Uint8Array {
  return writeAmf0(name, transaction, object, ...args)
}

/** A property of a map as text; empty when there is none. */
export function textOf(map: AmfValue, name: string): string {
  const value = map instanceof Map ? (map.get(name) as AmfValue) : undefined
  return typeof value === 'string' ? value : ''
}

const KEY = /^[0-9a-f]{32}k[0-9a-f]{32}$/

/**
 * The key among what a client calls application and stream. It is the stream's name as a rule; programs that know only one
 * address put it into the path, and some add a slash or a query.
 */
export function findStreamKey(app: string, name: string): string {
  const segments = [app, name].flatMap((text) => (text.split(/[?#]/, 1)[0] ?? '').split('/')).filter(Boolean)
  return segments.findLast((segment) => KEY.test(segment)) ?? segments.at(-1) ?? ''
}

/** Bytes that tell where they belong. */

import { expect } from 'vitest'
import type { Draft } from '../../src/ports.ts'

/** Bytes `[position, position + length)` of an endless run that repeats in no block size of ours. */
export function patternBytes(position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++) {
    const at = position + index
    bytes[index] = (at ^ (at >>> 8) ^ (at >>> 16)) & 0xff
  }
  return bytes
}

/** The draft holds `expected` from its start on. */
export async function expectContents(draft: Draft, expected: Uint8Array): Promise<void> {
  const target = new Uint8Array(expected.byteLength)
  expect(await draft.read(target, 0)).toBe(expected.byteLength)
  // In one call: the runner's own comparison looks at each of millions of bytes.
  expect(Buffer.compare(target, expected)).toBe(0)
}

/** Damaged copies of a good file, from a seed, so that a failing input can be made again. */

/** Values that sizes, counts and versions go wrong at. */
const INTERESTING: readonly number[] = [0, 1, 7, 8, 15, 16, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff]

/** A copy of `seed` with one to four things wrong. */
export function mutate(seed: Uint8Array, random: () => number): Uint8Array {
  let bytes = seed.slice()
  const pick = (limit: number): number => Math.floor(random() * limit)
  for (let left = 1 + pick(4); left > 0 && bytes.byteLength > 0; left -= 1) {
    const at = pick(bytes.byteLength)
    switch (pick(7)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << pick(8))
        break
      case 1:
        bytes[at] = pick(256)
        break
      case 2:
        bytes = bytes.slice(0, at)
        break
      case 3:
        writeInteger(bytes, at, INTERESTING[pick(INTERESTING.length)] ?? 0)
        break
      case 4:
        writeInteger(bytes, sizeField(bytes, at), INTERESTING[pick(INTERESTING.length)] ?? pick(2 ** 32))
        break
      case 5:
        bytes.copyWithin(at, pick(bytes.byteLength), pick(bytes.byteLength))
        break
      default:
        bytes = new Uint8Array(Buffer.concat([bytes.subarray(0, at), bytes.subarray(pick(at + 1))]))
    }
  }
  return bytes
}

/** Position of the size in front of the next four lower-case letters, which are probably a box's type. */
function sizeField(bytes: Uint8Array, from: number): number {
  const isLetter = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x61 && byte <= 0x7a
  for (let at = Math.max(4, from); at + 4 <= bytes.byteLength; at += 1) {
    if ([0, 1, 2, 3].every((offset) => isLetter(bytes[at + offset]))) return at - 4
  }
  return from
}

function writeInteger(bytes: Uint8Array, at: number, value: number): void {
  for (let index = 0; index < 4 && at + index < bytes.byteLength; index += 1) {
    bytes[at + index] = Math.floor(value / 2 ** (24 - 8 * index)) % 256
  }
}

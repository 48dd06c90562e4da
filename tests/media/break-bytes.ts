/** Ways to break bytes, always the same. */

/** One behind the other. */
export function joined(...pieces: readonly Uint8Array[]): Buffer {
  return Buffer.concat(pieces)
}

/** `bytes` with `write` done behind the first `find`. */
export function patch(
  bytes: Uint8Array,
  find: string | Buffer,
  write: (copy: Buffer, behind: number) => unknown,
): Buffer {
  const copy = Buffer.from(bytes)
  const at = copy.indexOf(find)
  if (at === -1) throw new Error('what was to be patched is not in the file')
  write(copy, at + find.length)
  return copy
}

/** `bytes` with `put` wherever `find` is; both of the same length. */
export function replaceAll(bytes: Uint8Array, find: string, put: string): Buffer {
  return Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll(find, put), 'latin1')
}

/** The first half. */
export function half(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.byteLength >> 1)
}

/** Up to `find` and so many bytes more. */
export function upTo(bytes: Buffer, find: string | Buffer, more: number): Buffer {
  return bytes.subarray(0, bytes.indexOf(find) + more)
}

/** From the box `type` on. */
export function from(bytes: Buffer, type: string): Buffer {
  return bytes.subarray(bytes.indexOf(type) - 4)
}

export const TS_PACKET = 188

/** Packets without content. */
export function padding(packets: number): Buffer {
  const packet = Buffer.alloc(TS_PACKET, 0xff)
  packet.set([0x47, 0x1f, 0xff, 0x10])
  return joined(...Array.from({ length: packets }, () => packet))
}

/** Everything but the tables, as a broadcaster's key would leave it. */
export function scramble(stream: Buffer): Buffer {
  const copy = Buffer.from(stream)
  for (let at = 0; at < copy.byteLength; at += TS_PACKET) {
    const pid = copy.readUInt16BE(at + 1) & 0x1fff
    if (pid < 0x100 || pid >= 0x1000) continue
    copy[at + 3] = (copy[at + 3] ?? 0) | 0x80
    noise(150).copy(copy, at + 38)
  }
  return copy
}

/** Bytes that are always the same and mean nothing. */
export function noise(length: number): Buffer {
  let state = 42
  return Buffer.from(
    Array.from({ length }, () => {
      state = (state * 48_271) % 2_147_483_647
      return state & 255
    }),
  )
}

/** Addresses as the socket functions of C take them (`sockaddr_in`, `sockaddr_in6`). */

import { isIP, SocketAddress } from 'node:net'
import { endianness } from 'node:os'

const AF_INET = 2
/** Linux; macOS has 30, and a length in front. */
const AF_INET6 = process.platform === 'darwin' ? 30 : 10
const IPV4_BYTES = 16
const IPV6_BYTES = 28

/** `address` is IPv4 or IPv6, without brackets; undefined for what is neither. */
export function writeSocketAddress(address: string, port: number): Uint8Array | undefined {
  const family = isIP(address)
  if (family === 0) return undefined
  const bytes = new Uint8Array(family === 4 ? IPV4_BYTES : IPV6_BYTES)
  const view = new DataView(bytes.buffer)
  writeFamily(bytes, family === 4 ? AF_INET : AF_INET6)
  view.setUint16(2, port)
  if (family === 4) bytes.set(address.split('.').map(Number), 4)
  else bytes.set(readIpv6(address), 8)
  return bytes
}

function writeFamily(bytes: Uint8Array, family: number): void {
  if (process.platform === 'darwin') bytes.set([bytes.byteLength, family])
  else new DataView(bytes.buffer).setUint16(0, family, endianness() === 'LE')
}

/** Eight groups of 16 bits; `::` stands for as many zeros as are missing. */
function readIpv6(address: string): Uint8Array {
  // Node writes every form of it in one, an IPv4 address at its end included.
  const [plain = ''] = new SocketAddress({ address, family: 'ipv6' }).address.split('%')
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain)
  const text = tail ? `${tail[1]}${hexPair(tail[2], tail[3])}:${hexPair(tail[4], tail[5])}` : plain
  const [head = '', rest] = text.split('::')
  const groups = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const [before, after] = [groups(head), rest === undefined ? [] : groups(rest)]
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => 0)
  return Uint8Array.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]))
}

function hexPair(high = '0', low = '0'): string {
  return (Number(high) * 256 + Number(low)).toString(16)
}

/** The address and port in the bytes, e.g. `192.0.2.7:4711` or `[2001:db8::1]:4711`. */
export function readSocketAddress(bytes: Uint8Array): { address: string; port: number; text: string } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const family = process.platform === 'darwin' ? (bytes[1] ?? 0) : view.getUint16(0, endianness() === 'LE')
  const port = view.getUint16(2)
  if (family === AF_INET) {
    const address = bytes.subarray(4, 8).join('.')
    return { address, port, text: `${address}:${port}` }
  }
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(8 + index * 2).toString(16))
  const whole = new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address
  // A listener on both families shows callers by IPv4 so.
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(whole)?.[1]
  return mapped
    ? { address: mapped, port, text: `${mapped}:${port}` }
    : { address: whole, port, text: `[${whole}]:${port}` }
}

/** Bytes that hold an address of either family. */
export const SOCKET_ADDRESS_BYTES = IPV6_BYTES

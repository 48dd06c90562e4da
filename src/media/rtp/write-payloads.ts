/** Pictures cut into payloads of RTP: H.264 (RFC 6184 §5.6 to §5.8, packetization mode 1) and VP8 (RFC 7741 §4.2). */

import { readParameterSets } from '../codecs/avc.ts'

/**
 * Bytes of a payload. With headers, encryption and UDP it stays below the 1,280 bytes that every path of IPv6 carries
 * (RFC 8200 §5), also inside a tunnel.
 */
export const PAYLOAD_BYTES = 1_160

const STAP_A = 24
const FU_A = 28

/**
 * The payloads of one picture of H.264: in front of a sync picture the parameter sets of `config`, whoever begins here
 * has not seen them (§8.1 would allow to tell them beforehand, but they may change).
 */
export function writeH264Payloads(data: Uint8Array, config: Uint8Array | undefined): Uint8Array[] {
  const payloads: Uint8Array[] = []
  if (config !== undefined) payloads.push(...writeParameterSets(config))
  for (const unit of splitUnits(data)) {
    if (unit.byteLength <= PAYLOAD_BYTES) payloads.push(unit)
    else payloads.push(...writeFragments(unit))
  }
  return payloads
}

/** The NAL units behind their lengths in four bytes; what is cut off is left out. */
export function splitUnits(data: Uint8Array): Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const units: Uint8Array[] = []
  for (let at = 0; at + 4 < data.byteLength; ) {
    const end = at + 4 + view.getUint32(at)
    if (end > data.byteLength) break
    if (end > at + 4) units.push(data.subarray(at + 4, end))
    at = end
  }
  return units
}

/** All in one packet if they fit, as they do (§5.7.1). */
function writeParameterSets(config: Uint8Array): Uint8Array[] {
  const sps = readParameterSets(config, 6, (config[5] ?? 0) & 0x1f)
  const pps = readParameterSets(config, sps.end + 1, config[sps.end] ?? 0)
  const units = [...sps.units, ...pps.units]
  const bytes = units.reduce((sum, unit) => sum + 2 + unit.byteLength, 1)
  if (bytes > PAYLOAD_BYTES) {
    return units.flatMap((unit) => (unit.byteLength <= PAYLOAD_BYTES ? [unit] : writeFragments(unit)))
  }
  const payload = new Uint8Array(bytes)
  payload[0] = 0x60 | STAP_A
  let at = 1
  for (const unit of units) {
    payload[at] = unit.byteLength >> 8
    payload[at + 1] = unit.byteLength & 0xff
    payload.set(unit, at + 2)
    at += 2 + unit.byteLength
  }
  return [payload]
}

/** Pieces of about the same size: a last one of a few bytes costs as much as a full one. */
function writeFragments(unit: Uint8Array): Uint8Array[] {
  const [header = 0] = unit
  const pieces = cut(unit.subarray(1), PAYLOAD_BYTES - 2)
  return pieces.map((piece, index) => {
    const payload = new Uint8Array(2 + piece.byteLength)
    payload[0] = (header & 0xe0) | FU_A
    payload[1] = (index === 0 ? 0x80 : 0) | (index === pieces.length - 1 ? 0x40 : 0) | (header & 0x1f)
    payload.set(piece, 2)
    return payload
  })
}

/** The payloads of one frame of VP8, numbered: `pictureId` counts frames, in 15 bits. */
export function writeVp8Payloads(frame: Uint8Array, pictureId: number): Uint8Array[] {
  return cut(frame, PAYLOAD_BYTES - 4).map((piece, index) => {
    const payload = new Uint8Array(4 + piece.byteLength)
    payload[0] = 0x80 | (index === 0 ? 0x10 : 0)
    payload[1] = 0x80
    payload[2] = 0x80 | ((pictureId >> 8) & 0x7f)
    payload[3] = pictureId & 0xff
    payload.set(piece, 4)
    return payload
  })
}

function cut(bytes: Uint8Array, most: number): Uint8Array[] {
  const count = Math.max(1, Math.ceil(bytes.byteLength / most))
  const size = Math.ceil(bytes.byteLength / count)
  return Array.from({ length: count }, (_each, index) => bytes.subarray(index * size, (index + 1) * size))
}

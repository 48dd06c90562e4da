/** RTCP: reports (RFC 3550 §6.4), feedback (RFC 4585 §6, RFC 5104 §4.3.1) and REMB (draft-alvestrand-rmcat-remb-03). */

/** What the far end told. */
export type RtcpMessage =
  | {
      readonly type: 'sender-report'
      readonly ssrc: number
      /** Milliseconds since 1900 by the far end's clock. */
      readonly ntpMs: number
      readonly timestamp: number
      /** The middle 32 bits of its time, to be given back in reports on it. */
      readonly compactNtp: number
    }
  | { readonly type: 'nack'; readonly ssrc: number; readonly lost: readonly number[] }
  | { readonly type: 'key-frame-request'; readonly ssrc: number }
  | { readonly type: 'bye'; readonly ssrcs: readonly number[] }

const [SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, BYE, TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK] = [
  200, 201, 202, 203, 205, 206,
]
const [GENERIC_NACK, PICTURE_LOSS, FULL_INTRA, APPLICATION_LAYER] = [1, 1, 4, 15]
/** No report asks for more than a burst of them. */
const MOST_LOST = 1_024

/** Reads a compound (or reduced-size, RFC 5506) packet; what is broken or not known is skipped. */
export function readRtcp(bytes: Uint8Array): RtcpMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const messages: RtcpMessage[] = []
  for (let start = 0; start + 4 <= bytes.byteLength; ) {
    const end = start + 4 + view.getUint16(start + 2) * 4
    if (view.getUint8(start) >> 6 !== 2 || end > bytes.byteLength) break
    const found = readOne(view, start, end)
    if (found !== undefined) messages.push(found)
    start = end
  }
  return messages
}

function readOne(view: DataView, start: number, end: number): RtcpMessage | undefined {
  const count = view.getUint8(start) & 0x1f
  const type = view.getUint8(start + 1)
  if (type === SENDER_REPORT && end - start >= 28) {
    const [seconds, fraction] = [view.getUint32(start + 8), view.getUint32(start + 12)]
    return {
      type: 'sender-report',
      ssrc: view.getUint32(start + 4),
      ntpMs: seconds * 1_000 + (fraction / 2 ** 32) * 1_000,
      timestamp: view.getUint32(start + 16),
      compactNtp: (seconds % 65_536) * 65_536 + (fraction >>> 16),
    }
  }
  if (type === BYE) {
    const ssrcs = Array.from({ length: count }, (_each, index) => start + 4 + index * 4)
      .filter((at) => at + 4 <= end)
      .map((at) => view.getUint32(at))
    return { type: 'bye', ssrcs }
  }
  if (end - start < 12) return undefined
  const ssrc = view.getUint32(start + 8)
  if (type === TRANSPORT_FEEDBACK && count === GENERIC_NACK) {
    return { type: 'nack', ssrc, lost: readLost(view, start + 12, end) }
  }
  if (type !== PAYLOAD_FEEDBACK) return undefined
  if (count === PICTURE_LOSS) return { type: 'key-frame-request', ssrc }
  // RFC 5104 §4.3.1: here the SSRC stands in the entry.
  if (count === FULL_INTRA && end - start >= 20) {
    return { type: 'key-frame-request', ssrc: view.getUint32(start + 12) }
  }
  return undefined
}

/** RFC 4585 §6.2.1: a number, and a bit for each of the 16 after it. */
function readLost(view: DataView, start: number, end: number): number[] {
  const lost: number[] = []
  for (let at = start; at + 4 <= end && lost.length < MOST_LOST; at += 4) {
    const [first, mask] = [view.getUint16(at), view.getUint16(at + 2)]
    lost.push(first)
    for (let bit = 0; bit < 16; bit += 1) if ((mask & (1 << bit)) !== 0) lost.push((first + bit + 1) % 65_536)
  }
  return lost
}

/** What is reported on one incoming stream (RFC 3550 §6.4.1). */
export type ReceptionReport = {
  readonly ssrc: number
  /** Of those since the last report, in 256ths. */
  readonly fractionLost: number
  readonly lost: number
  /** Highest sequence number with its cycles, 32 bits. */
  readonly highest: number
  /** In ticks of the codec's clock. */
  readonly jitter: number
  /** `compactNtp` of the last sender report, 0 before one came. */
  readonly lastReport: number
  /** Since it came, in 65,536ths of a second. */
  readonly delay: number
}

/** A receiver report, which must not be larger than 31 streams. */
export function writeReceiverReport(sender: number, reports: readonly ReceptionReport[]): Uint8Array {
  const view = head(RECEIVER_REPORT, reports.length, 4 + reports.length * 24)
  view.setUint32(4, sender)
  for (const [index, report] of reports.entries()) {
    const at = 8 + index * 24
    view.setUint32(at, report.ssrc)
    view.setUint32(at + 4, report.lost & 0xffffff)
    view.setUint8(at + 4, report.fractionLost)
    view.setUint32(at + 8, report.highest)
    view.setUint32(at + 12, report.jitter)
    view.setUint32(at + 16, report.lastReport)
    view.setUint32(at + 20, report.delay)
  }
  return bytesOf(view)
}

/** A sender report without reception reports, and the name that ties streams together (§6.5.1). */
export function writeSenderReport(fields: {
  readonly ssrc: number
  readonly ntpMs: number
  readonly timestamp: number
  readonly packets: number
  readonly bytes: number
  readonly cname: string
}): Uint8Array {
  const view = head(SENDER_REPORT, 0, 24)
  const seconds = Math.floor(fields.ntpMs / 1_000)
  view.setUint32(4, fields.ssrc)
  view.setUint32(8, seconds % 2 ** 32)
  view.setUint32(12, ((fields.ntpMs / 1_000 - seconds) * 2 ** 32) >>> 0)
  view.setUint32(16, fields.timestamp)
  view.setUint32(20, fields.packets % 2 ** 32)
  view.setUint32(24, fields.bytes % 2 ** 32)
  const name = new TextEncoder().encode(fields.cname)
  // Ends with one to four zeros, so that its length is a multiple of four.
  const items = Math.ceil((2 + name.byteLength + 1) / 4) * 4
  const description = head(SOURCE_DESCRIPTION, 1, 4 + items)
  description.setUint32(4, fields.ssrc)
  description.setUint8(8, 1)
  description.setUint8(9, name.byteLength)
  const bytes = bytesOf(description)
  bytes.set(name, 10)
  return join(bytesOf(view), bytes)
}

/** Asks for lost packets again; sorted upwards on the circle. */
export function writeNack(sender: number, ssrc: number, lost: readonly number[]): Uint8Array {
  const entries: { first: number; mask: number }[] = []
  for (const sequence of lost) {
    const last = entries.at(-1)
    const ahead = last === undefined ? 0 : (sequence - last.first + 65_536) % 65_536
    if (last !== undefined && ahead >= 1 && ahead <= 16) last.mask |= 1 << (ahead - 1)
    else entries.push({ first: sequence, mask: 0 })
  }
  const view = head(TRANSPORT_FEEDBACK, GENERIC_NACK, 8 + entries.length * 4)
  view.setUint32(4, sender)
  view.setUint32(8, ssrc)
  for (const [index, { first, mask }] of entries.entries()) {
    view.setUint16(12 + index * 4, first)
    view.setUint16(14 + index * 4, mask)
  }
  return bytesOf(view)
}

/** Asks for a key frame. */
export function writePictureLoss(sender: number, ssrc: number): Uint8Array {
  const view = head(PAYLOAD_FEEDBACK, PICTURE_LOSS, 8)
  view.setUint32(4, sender)
  view.setUint32(8, ssrc)
  return bytesOf(view)
}

/** Allows so many bits a second for all of `ssrcs` together. */
export function writeRemb(sender: number, bitrateBps: number, ssrcs: readonly number[]): Uint8Array {
  const view = head(PAYLOAD_FEEDBACK, APPLICATION_LAYER, 16 + ssrcs.length * 4)
  view.setUint32(4, sender)
  view.setUint32(12, 0x52_45_4d_42)
  // 18 bits, times a power of two.
  const exponent = Math.max(0, Math.ceil(Math.log2((bitrateBps + 1) / 2 ** 18)))
  view.setUint32(16, ssrcs.length * 2 ** 24 + exponent * 2 ** 18 + Math.floor(bitrateBps / 2 ** exponent))
  for (const [index, ssrc] of ssrcs.entries()) view.setUint32(20 + index * 4, ssrc)
  return bytesOf(view)
}

/** One packet after the other. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}

function head(type: number, count: number, bodyBytes: number): DataView {
  const view = new DataView(new ArrayBuffer(4 + bodyBytes))
  view.setUint8(0, 0x80 | count)
  view.setUint8(1, type)
  view.setUint16(2, bodyBytes / 4)
  return view
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer)
}

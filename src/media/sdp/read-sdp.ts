/**
 * Reads offers and answers (RFC 8866, RFC 8829 §5.8) and fragments of them (RFC 8840). Strangers write them: everything
 * is bounded, and what is not understood is skipped or refused, never kept.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import type {
  SdpCodec,
  SdpDirection,
  SdpFingerprint,
  SdpFragment,
  SdpMedia,
  SdpSetup,
  SessionDescription,
} from './session-description.ts'

/** Bytes of the longest description that is read; one of a browser has ten thousand at most. */
export const SDP_BYTES = 65_536
const MOST_LINES = 2_000
const MOST_LETTERS = 4_096
const MOST_MEDIA = 16
const MOST_CANDIDATES = 128
const MOST_CODECS = 128

type Line = { readonly type: string; readonly value: string; readonly number: number }

/** Reads a whole description. Throws `sdp_unreadable`, naming the line. */
export function readSdp(text: string): SessionDescription {
  const lines = splitLines(text)
  // RFC 8866 §5: these come first, in this order.
  for (const [index, type] of ['v', 'o', 's'].entries()) {
    if (lines[index]?.type !== type) throw unreadable(`line ${index + 1} must begin with ${type}=`)
  }
  if (lines[0]?.value !== '0') throw unreadable('the version in line 1 must be 0')
  const sections = splitSections(lines)
  const [session = []] = sections
  if (sections.length < 2) throw unreadable('it has no media section (m=)')
  if (sections.length - 1 > MOST_MEDIA) throw unreadable(`it has more than ${MOST_MEDIA} media sections`)
  const whole = attributesOf(session)
  if (sections.flat().filter(isCandidate).length > MOST_CANDIDATES) {
    throw unreadable(`it has more than ${MOST_CANDIDATES} candidates`)
  }
  const media = sections.slice(1).map((section) => readMedia(section, whole))
  const mids = media.map((each) => each.mid).filter((mid) => mid !== '')
  if (new Set(mids).size !== mids.length) throw unreadable('two media sections have the same name (a=mid)')
  return { media, bundle: readBundle(whole) }
}

/** Reads what a `PATCH` trickles. Throws `sdp_unreadable`. */
export function readSdpFragment(text: string): SdpFragment {
  const lines = splitLines(text)
  const known = new Set(['a', 'm'])
  const odd = lines.find((line) => !known.has(line.type))
  if (odd !== undefined) throw unreadable(`line ${odd.number} of a fragment may not begin with ${odd.type}=`)
  const candidates = lines.filter(isCandidate).length
  if (candidates > MOST_CANDIDATES) throw unreadable(`it has more than ${MOST_CANDIDATES} candidates`)
  // RFC 8840 §9: in front of the first section, or in each.
  const attributes = attributesOf(lines)
  const ufrag = readIceText(attributes, 'ice-ufrag')
  const password = readIceText(attributes, 'ice-pwd')
  if (ufrag === null || password === null) throw unreadable('a fragment must have a=ice-ufrag and a=ice-pwd')
  return { ufrag, password, candidates }
}

function splitLines(text: string): Line[] {
  if (text.length > SDP_BYTES) throw unreadable(`it is longer than ${SDP_BYTES} bytes`)
  const lines = text.split(/\r?\n/)
  while (lines.at(-1) === '') lines.pop()
  if (lines.length === 0) throw unreadable('it is empty')
  if (lines.length > MOST_LINES) throw unreadable(`it has more than ${MOST_LINES} lines`)
  return lines.map((line, index) => {
    const number = index + 1
    if (line.length > MOST_LETTERS) throw unreadable(`line ${number} is longer than ${MOST_LETTERS} letters`)
    if (!/^[a-z]=[^\0\r]*$/.test(line)) throw unreadable(`line ${number} is not of the form x=value`)
    return { type: line.slice(0, 1), value: line.slice(2), number }
  })
}

/** The lines of the whole description, then those of each media section. */
function splitSections(lines: readonly Line[]): Line[][] {
  const sections: Line[][] = [[]]
  for (const line of lines) {
    if (line.type === 'm') sections.push([])
    sections.at(-1)?.push(line)
  }
  return sections
}

/** Values of the attributes by name, in order; those without a value have `''`. */
type Attributes = ReadonlyMap<string, readonly string[]>

function attributesOf(lines: readonly Line[]): Attributes {
  const attributes = new Map<string, string[]>()
  for (const { type, value } of lines) {
    if (type !== 'a') continue
    const colon = value.indexOf(':')
    const name = colon < 0 ? value : value.slice(0, colon)
    const rest = colon < 0 ? '' : value.slice(colon + 1)
    const values = attributes.get(name)
    if (values === undefined) attributes.set(name, [rest])
    else values.push(rest)
  }
  return attributes
}

function isCandidate({ type, value }: Line): boolean {
  return type === 'a' && value.startsWith('candidate:')
}

const MEDIA_LINE =
  /^(?<kind>[a-zA-Z0-9]{1,32}) (?<port>\d{1,5})(?:\/\d+)? (?<protocol>[A-Za-z0-9/]{1,64})(?<formats>(?: \S+)*)$/

function readMedia(section: readonly Line[], whole: Attributes): SdpMedia {
  const [line] = section
  const parts = MEDIA_LINE.exec(line?.value ?? '')?.groups
  if (parts === undefined) {
    throw unreadable(`line ${line?.number} is no media line (m=<kind> <port> <protocol> <formats>)`)
  }
  const own = attributesOf(section)
  const either = (name: string): Attributes => (own.has(name) ? own : whole)
  const formats = (parts.formats ?? '').split(' ').filter((format) => format !== '')
  if (formats.length > MOST_CODECS)
    throw unreadable(`line ${line?.number} has more than ${MOST_CODECS} formats`)
  return {
    kind: (parts.kind ?? '').toLowerCase(),
    protocol: parts.protocol ?? '',
    formats,
    port: Number(parts.port),
    mid: readMid(own),
    direction: readDirection(own) ?? readDirection(whole) ?? 'sendrecv',
    codecs: readCodecs(formats, own),
    ssrcs: readSsrcs(own),
    rtcpMux: own.has('rtcp-mux'),
    ufrag: readIceText(either('ice-ufrag'), 'ice-ufrag'),
    password: readIceText(either('ice-pwd'), 'ice-pwd'),
    fingerprint: readFingerprint(either('fingerprint')),
    setup: readSetup(either('setup')),
  }
}

function readMid(attributes: Attributes): string {
  const mid = attributes.get('mid')?.[0] ?? ''
  // RFC 5888 §4: a token. It is written back.
  if (!/^[\w!#$%&'*+.^`{|}~-]{0,64}$/.test(mid))
    throw unreadable('the name of a media section (a=mid) is no token')
  return mid
}

const DIRECTIONS = ['sendrecv', 'sendonly', 'recvonly', 'inactive'] as const

function readDirection(attributes: Attributes): SdpDirection | undefined {
  return DIRECTIONS.find((direction) => attributes.has(direction))
}

function readBundle(whole: Attributes): string[] {
  const group = whole.get('group')?.find((value) => value.startsWith('BUNDLE'))
  return (group ?? '').split(' ').slice(1)
}

/** RFC 8839 §5.4: letters, digits, + and /; at least 4 and 22 of them, at most 256. */
function readIceText(attributes: Attributes, name: 'ice-ufrag' | 'ice-pwd'): string | null {
  const value = attributes.get(name)?.[0]
  if (value === undefined) return null
  const least = name === 'ice-ufrag' ? 4 : 22
  // Some clients write URL-safe Base64; nothing is hurt by its two letters.
  if (value.length < least || value.length > 256 || !/^[A-Za-z0-9+/_=-]*$/.test(value)) {
    throw unreadable(`a=${name} must have ${least} to 256 letters, digits, + or /`)
  }
  return value
}

/** The strongest is not sought: any of them identifies the certificate. */
function readFingerprint(attributes: Attributes): SdpFingerprint | null {
  const values = attributes.get('fingerprint') ?? []
  for (const value of values) {
    const parts = /^(?<algorithm>sha-256|sha-384|sha-512) (?<octets>[0-9A-F:]+)$/i.exec(value.trim())?.groups
    if (parts === undefined) continue
    const algorithm = (parts.algorithm ?? '').toLowerCase() as SdpFingerprint['algorithm']
    const hex = (parts.octets ?? '').replaceAll(':', '').toLowerCase()
    if (hex.length * 4 === Number(algorithm.slice(4))) return { algorithm, hex }
  }
  if (values.length === 0) return null
  throw unreadable('a=fingerprint must be sha-256, sha-384 or sha-512 and as many octets')
}

function readSetup(attributes: Attributes): SdpSetup | null {
  const value = attributes.get('setup')?.[0]
  if (value === undefined) return null
  if (value === 'active' || value === 'passive' || value === 'actpass') return value
  throw unreadable('a=setup must be active, passive or actpass')
}

function readSsrcs(attributes: Attributes): number[] {
  const ssrcs = (attributes.get('ssrc') ?? []).map((value) => Number.parseInt(value, 10))
  return [...new Set(ssrcs)].filter((ssrc) => ssrc >= 0 && ssrc < 2 ** 32)
}

const RTPMAP = /^(?<type>\d{1,3}) (?<name>[\w.+-]{1,32})\/(?<rate>\d{1,9})(?:\/(?<channels>\d{1,2}))?$/

function readCodecs(formats: readonly string[], attributes: Attributes): SdpCodec[] {
  const maps = new Map<string, SdpCodec>()
  for (const value of attributes.get('rtpmap') ?? []) {
    const parts = RTPMAP.exec(value.trim())?.groups
    if (parts === undefined) throw unreadable(`a=rtpmap:${value.slice(0, 40)} is not <type> <name>/<rate>`)
    const type = parts.type ?? ''
    if (Number(type) > 127) throw unreadable(`payload type ${type} is over 127`)
    maps.set(type, {
      payloadType: Number(type),
      name: (parts.name ?? '').toUpperCase(),
      clockRate: Number(parts.rate),
      channels: Number(parts.channels ?? 1),
      parameters: readParameters(attributes, type),
      feedback: readFeedback(attributes, type),
    })
  }
  return formats.flatMap((format) => maps.get(format) ?? [])
}

function readParameters(attributes: Attributes, type: string): Record<string, string> {
  const prefix = `${type} `
  const values = (attributes.get('fmtp') ?? []).filter((value) => value.startsWith(prefix))
  const pairs = values.flatMap((value) => value.slice(prefix.length).split(';')).slice(0, 64)
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=')
      const name = (equals < 0 ? pair : pair.slice(0, equals)).trim().toLowerCase()
      return [name, equals < 0 ? '' : pair.slice(equals + 1).trim()]
    }),
  )
}

function readFeedback(attributes: Attributes, type: string): string[] {
  return (attributes.get('rtcp-fb') ?? []).flatMap((value) => {
    const parts = /^(?<type>\*|\d{1,3}) (?<what>[\w -]{1,64})$/.exec(value.trim())?.groups
    return parts?.type === '*' || parts?.type === type ? [parts.what ?? ''] : []
  })
}

function unreadable(problem: string): HeadwaterError {
  return new HeadwaterError('sdp_unreadable', `The session description cannot be read: ${problem}.`)
}

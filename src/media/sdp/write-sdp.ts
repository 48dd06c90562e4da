/** Writes our answers and offers (RFC 8829 §5.3, §5.2) and fragments (RFC 8840 §9): one transport for all sections. */

import type { AnsweredSection } from './choose-codecs.ts'
import type { SdpCodec, SdpSetup } from './session-description.ts'

/** Our end of the transport. */
export type OwnTransport = {
  readonly ufrag: string
  readonly password: string
  /** Of our certificate: `sha-256 AB:CD…`. */
  readonly fingerprint: string
  readonly setup: SdpSetup
  /** Where we listen, the most wanted first. */
  readonly addresses: readonly { readonly address: string; readonly port: number }[]
}

/** What is sent in a section. */
export type OwnStream = { readonly ssrc: number; readonly cname: string }

type Description = {
  /** Digits. */
  readonly sessionId: string
  readonly sections: readonly AnsweredSection[]
  readonly transport: OwnTransport
  readonly streams: { readonly video: OwnStream | null; readonly audio: OwnStream | null }
}

/** A whole description, with CRLF. */
export function writeSdp({ sessionId, sections, transport, streams }: Description): string {
  const taken = sections.filter((section) => section.codec !== null).map(({ media }) => media.mid)
  const isBundled = taken.every((mid) => mid !== '')
  const lines = [
    'v=0',
    `o=- ${sessionId} 1 IN IP4 0.0.0.0`,
    's=-',
    't=0 0',
    ...(isBundled ? [`a=group:BUNDLE ${taken.join(' ')}`] : []),
    'a=msid-semantic: WMS *',
    // RFC 8445 §2.5: we only answer checks, at addresses that everybody can reach.
    'a=ice-lite',
  ]
  for (const section of sections) {
    const { kind } = section.media
    const stream = kind === 'video' || kind === 'audio' ? streams[kind] : null
    lines.push(...writeSection(section, transport, stream))
  }
  return `${lines.join('\r\n')}\r\n`
}

/** What answers a fragment that began ICE anew (RFC 9725 §4.3.3). */
export function writeSdpFragment(transport: OwnTransport): string {
  return `${[...iceLines(transport), ...candidateLines(transport)].join('\r\n')}\r\n`
}

function writeSection(section: AnsweredSection, transport: OwnTransport, stream: OwnStream | null): string[] {
  const { media, codec, direction } = section
  if (codec === null) {
    // RFC 3264 §6: port 0; at least one format must stand there.
    const lines = [
      `m=${media.kind} 0 ${media.protocol} ${media.formats.join(' ') || '0'}`,
      'c=IN IP4 0.0.0.0',
    ]
    return [...lines, ...(media.mid === '' ? [] : [`a=mid:${media.mid}`]), 'a=inactive']
  }
  return [
    `m=${media.kind} ${transport.addresses[0]?.port ?? 9} ${media.protocol} ${codec.payloadType}`,
    'c=IN IP4 0.0.0.0',
    ...(media.mid === '' ? [] : [`a=mid:${media.mid}`]),
    ...iceLines(transport),
    `a=fingerprint:${transport.fingerprint}`,
    `a=setup:${transport.setup}`,
    ...candidateLines(transport),
    `a=${direction}`,
    'a=rtcp-mux',
    'a=rtcp-rsize',
    ...writeCodec(codec),
    ...(direction === 'sendonly' && stream !== null
      ? [`a=msid:headwater headwater-${media.kind}`, `a=ssrc:${stream.ssrc} cname:${stream.cname}`]
      : []),
  ]
}

function writeCodec({ payloadType, name, clockRate, channels, parameters, feedback }: SdpCodec): string[] {
  const shown = name === 'OPUS' ? 'opus' : name
  const parts = Object.entries(parameters).map(([key, value]) => (value === '' ? key : `${key}=${value}`))
  return [
    `a=rtpmap:${payloadType} ${shown}/${clockRate}${channels > 1 ? `/${channels}` : ''}`,
    ...feedback.map((what) => `a=rtcp-fb:${payloadType} ${what}`),
    ...(parts.length > 0 ? [`a=fmtp:${payloadType} ${parts.join(';')}`] : []),
  ]
}

function iceLines({ ufrag, password }: OwnTransport): string[] {
  return [`a=ice-ufrag:${ufrag}`, `a=ice-pwd:${password}`]
}

/** RFC 8839 §5.1; the priority by RFC 8445 §5.1.2.1 for host candidates of one component. */
function candidateLines({ addresses }: OwnTransport): string[] {
  const lines = addresses.map(({ address, port }, index) => {
    const priority = 126 * 2 ** 24 + (65_535 - index) * 2 ** 8 + 255
    return `a=candidate:${index + 1} 1 udp ${priority} ${address} ${port} typ host`
  })
  return [...lines, 'a=end-of-candidates']
}

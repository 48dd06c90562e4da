/**
 * From an offer to what is published or played: one video and one sound at most, each in one codec. Everything else that
 * was offered is refused section by section, as RFC 3264 §6 has it.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import type { LiveFormat, VideoFormat } from '../live/units.ts'
import type {
  SdpCodec,
  SdpDirection,
  SdpFingerprint,
  SdpMedia,
  SessionDescription,
} from './session-description.ts'

/** One media section of our answer or offer. */
export type AnsweredSection = {
  readonly media: Pick<SdpMedia, 'kind' | 'protocol' | 'formats' | 'mid'>
  /** null: the section is refused. */
  readonly codec: SdpCodec | null
  /** Ours. */
  readonly direction: SdpDirection
}

/** What of the far end's transport the connection needs. */
export type FarTransport = {
  readonly ufrag: string
  readonly password: string
  readonly fingerprint: SdpFingerprint
  /** Which end of DTLS we are. */
  readonly role: 'client' | 'server'
}

/** What was agreed on. */
export type Agreement = {
  readonly sections: readonly AnsweredSection[]
  readonly video: { readonly codec: SdpCodec; readonly ssrcs: readonly number[] } | null
  readonly audio: { readonly codec: SdpCodec; readonly ssrcs: readonly number[] } | null
  readonly far: FarTransport
}

/**
 * What we take of a publisher's offer: H.264 before VP8 whatever stands first, since it needs no conversion for HLS, and
 * Opus. Throws `sdp_not_acceptable` for an offer without any of them, and for one with pictures of which none can be taken:
 * who shows something must not find out from viewers that only the sound went out.
 */
export function choosePublished(offer: SessionDescription): Agreement {
  const sends = (media: SdpMedia) =>
    media.port !== 0 && (media.direction === 'sendrecv' || media.direction === 'sendonly')
  const agreement = agree(offer, {
    wants: sends,
    ranks: { video: publishedRank, audio: opusRank },
    direction: 'recvonly',
    nothing: 'The offer sends neither H.264 or VP8 nor Opus; nothing else can be published.',
  })
  const pictures = offer.media.filter((media) => media.kind === 'video' && sends(media))
  if (pictures.length > 0 && agreement.video === null) {
    throw new HeadwaterError(
      'sdp_not_acceptable',
      `Pictures can be published in H.264 or VP8; the offer has ${listCodecs(pictures)}. Allow one of the two, or offer no pictures to publish sound alone.`,
    )
  }
  return agreement
}

/** Coded pictures only: what repeats and mends packets stands in the same list. */
function listCodecs(pictures: readonly SdpMedia[]): string {
  const helpers = new Set(['RTX', 'RED', 'ULPFEC', 'FLEXFEC-03', 'FLEXFEC'])
  const names = pictures.flatMap(({ codecs }) => codecs.map(({ name }) => name))
  return [...new Set(names.filter((name) => !helpers.has(name)))].join(', ') || 'no codec that is named'
}

/**
 * What a viewer's offer (or answer) takes of the formats that are published. Throws `sdp_not_acceptable` when that is nothing,
 * or when it cannot take the pictures.
 */
export function choosePlayed(offer: SessionDescription, formats: readonly LiveFormat[]): Agreement {
  const video = formats.find((format) => format.kind === 'video')
  const hasSound = formats.some((format) => format.kind === 'audio')
  const receives = (media: SdpMedia) => media.direction === 'sendrecv' || media.direction === 'recvonly'
  const agreement = agree(offer, {
    wants: (media) => receives(media) && media.port !== 0,
    ranks: {
      video: (codec) => (video === undefined ? undefined : playedRank(codec, video)),
      audio: (codec) => (hasSound ? opusRank(codec) : undefined),
    },
    direction: 'sendonly',
    nothing: 'Nothing that is offered to be received is published.',
  })
  const asksForVideo = offer.media.some(
    (media) => media.kind === 'video' && receives(media) && media.port !== 0,
  )
  if (video !== undefined && asksForVideo && agreement.video === null) {
    const name = video.codec === 'avc' ? 'H.264' : 'VP8'
    throw new HeadwaterError(
      'sdp_not_acceptable',
      `The broadcast's pictures are ${name}, which the description does not offer to receive.`,
    )
  }
  return agreement
}

/** Smaller is better; undefined: not taken. */
type Rank = (codec: SdpCodec) => number | undefined

type Wishes = {
  readonly wants: (media: SdpMedia) => boolean
  readonly ranks: { readonly video: Rank; readonly audio: Rank }
  readonly direction: 'recvonly' | 'sendonly'
  readonly nothing: string
}

function agree(offer: SessionDescription, wishes: Wishes): Agreement {
  const chosen: { video: Agreement['video']; audio: Agreement['audio'] } = { video: null, audio: null }
  const used: SdpMedia[] = []
  const sections = offer.media.map((media): AnsweredSection => {
    const { kind } = media
    if ((kind !== 'video' && kind !== 'audio') || chosen[kind] !== null || media.port === 0)
      return refuse(media)
    const codec = best(media.codecs, wishes.ranks[kind])
    if (codec === undefined || !wishes.wants(media)) return refuse(media)
    chosen[kind] = { codec, ssrcs: media.ssrcs }
    used.push(media)
    return { media, codec, direction: wishes.direction }
  })
  if (used.length === 0) throw new HeadwaterError('sdp_not_acceptable', wishes.nothing)
  return { sections, ...chosen, far: readFar(offer, used) }
}

function refuse(media: SdpMedia): AnsweredSection {
  return { media, codec: null, direction: 'inactive' }
}

function best(codecs: readonly SdpCodec[], rank: Rank): SdpCodec | undefined {
  const ranked = codecs.flatMap((codec) => {
    const value = rank(codec)
    return value === undefined ? [] : [{ codec, value }]
  })
  return ranked.toSorted((a, b) => a.value - b.value)[0]?.codec
}

/** All sections share one transport (RFC 9143); several are not made. */
function readFar(offer: SessionDescription, used: readonly SdpMedia[]): FarTransport {
  const [first] = used
  if (first === undefined) throw notAcceptable('it has no media section that is taken')
  const { ufrag, password, fingerprint } = first
  if (ufrag === null || password === null) throw notAcceptable('a=ice-ufrag or a=ice-pwd is missing')
  if (fingerprint === null) throw notAcceptable('a=fingerprint is missing: media goes over DTLS only')
  for (const media of used) {
    if (
      !/^(?:UDP\/TLS|TCP\/TLS|TCP\/DTLS)\/RTP\/SAVPF?$/.test(media.protocol) &&
      media.protocol !== 'RTP/SAVPF'
    ) {
      throw notAcceptable(`the protocol ${media.protocol} is not UDP/TLS/RTP/SAVPF`)
    }
    if (!media.rtcpMux) throw notAcceptable('a=rtcp-mux is missing')
    const isBundled = used.length === 1 || offer.bundle.includes(media.mid)
    if (!isBundled) throw notAcceptable('its media sections are not in one group (a=group:BUNDLE)')
  }
  // Whoever may choose leaves us the opening, whose first message is small; see adapters/webrtc/secure-channel.ts.
  return { ufrag, password, fingerprint, role: first.setup === 'active' ? 'server' : 'client' }
}

function notAcceptable(problem: string): HeadwaterError {
  return new HeadwaterError('sdp_not_acceptable', `The session description cannot be answered: ${problem}.`)
}

/** RFC 7587 §7. */
function opusRank(codec: SdpCodec): number | undefined {
  return codec.name === 'OPUS' && codec.clockRate === 48_000 ? 0 : undefined
}

function publishedRank(codec: SdpCodec): number | undefined {
  if (codec.clockRate !== 90_000) return undefined
  if (codec.name === 'H264') return profileRank(codec) + (packetizationMode(codec) === '1' ? 0 : 10)
  return codec.name === 'VP8' ? 100 : undefined
}

/** Constrained Baseline needs least of whoever decodes, and never has B-frames. */
function profileRank(codec: SdpCodec): number {
  const [profile, constraints] = profileOf(codec)
  if (profile === 0x42) return (constraints & 0x40) === 0 ? 1 : 0
  return profile === 0x4d ? 2 : 3
}

function playedRank(codec: SdpCodec, video: VideoFormat): number | undefined {
  if (codec.clockRate !== 90_000) return undefined
  if (video.codec === 'vp8') return codec.name === 'VP8' ? 0 : undefined
  // RFC 6184 §5.4: without mode 1 no picture may be cut into pieces.
  if (codec.name !== 'H264' || packetizationMode(codec) !== '1') return undefined
  // Browsers decode every profile under whichever was agreed on; the same one is the honest choice.
  const [profile] = profileOf(codec)
  return profile === video.config[1] ? 0 : 1 + profileRank(codec)
}

function packetizationMode(codec: SdpCodec): string {
  return codec.parameters['packetization-mode'] ?? '0'
}

/** RFC 6184 §8.1: profile, constraints, level; Baseline where it is not said. */
function profileOf(codec: SdpCodec): readonly [number, number] {
  const text = codec.parameters['profile-level-id'] ?? '42000a'
  return [Number.parseInt(text.slice(0, 2), 16), Number.parseInt(text.slice(2, 4), 16)]
}

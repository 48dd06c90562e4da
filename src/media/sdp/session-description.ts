/** What we take from a session description (RFC 8866): the parts that a WebRTC server with one transport needs. */

/** One codec of a media section. */
export type SdpCodec = {
  readonly payloadType: number
  /** In capitals, e.g. `H264`. */
  readonly name: string
  readonly clockRate: number
  /** 1 where it is not said. */
  readonly channels: number
  /** Of `a=fmtp`; names in lower case. */
  readonly parameters: Readonly<Record<string, string>>
  /** What of RTCP's feedback may be used, e.g. `nack pli` (RFC 4585). */
  readonly feedback: readonly string[]
}

/** Who sends, seen from whoever wrote the description. */
export type SdpDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

/** Who opens the DTLS connection (RFC 8842). */
export type SdpSetup = 'active' | 'passive' | 'actpass'

/** One media section. */
export type SdpMedia = {
  /** `audio`, `video`, `application`, or anything else. */
  readonly kind: string
  /** The words behind `m=`, to be given back where the section is refused. */
  readonly protocol: string
  readonly formats: readonly string[]
  /** 0: refused, or not wanted any more. */
  readonly port: number
  /** `''` where it is not said. */
  readonly mid: string
  readonly direction: SdpDirection
  /** In the order in which they are preferred. */
  readonly codecs: readonly SdpCodec[]
  /** SSRCs that were told, RTX among them. */
  readonly ssrcs: readonly number[]
  readonly rtcpMux: boolean
  /** Its own, else those of the whole description; null where neither says them. */
  readonly ufrag: string | null
  readonly password: string | null
  readonly fingerprint: SdpFingerprint | null
  readonly setup: SdpSetup | null
}

/** Digest of the certificate that the far end will show (RFC 8122). */
export type SdpFingerprint = {
  readonly algorithm: 'sha-256' | 'sha-384' | 'sha-512'
  /** In lower case, without colons. */
  readonly hex: string
}

/** A whole description. */
export type SessionDescription = {
  readonly media: readonly SdpMedia[]
  /** Names of the sections that share one transport (RFC 9143). */
  readonly bundle: readonly string[]
}

/** What a trickled fragment says (RFC 8840 §9). Candidates are not kept: the far end's checks show its addresses. */
export type SdpFragment = {
  readonly ufrag: string
  readonly password: string
  readonly candidates: number
}

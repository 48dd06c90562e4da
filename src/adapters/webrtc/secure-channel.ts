/**
 * DTLS and SRTP over a path that ICE found (RFC 8842, RFC 5764), by werift. The far end is who showed its certificate's
 * digest over HTTP, and proved that it has the key to it.
 *
 * Where the far end leaves it to us we are DTLS's client: browsers' own first messages (with keys against quantum
 * computers) are longer than a packet, and the library does not put lost pieces back together.
 */

import { createHash } from 'node:crypto'
import {
  DtlsClient,
  DtlsServer,
  HashAlgorithm,
  keyLength,
  ProtectionProfileAeadAes128Gcm,
  ProtectionProfileAes128CmHmacSha1_80,
  RtpHeader,
  saltLength,
  SignatureAlgorithm,
  SrtcpSession,
  SrtpSession,
  type Transport,
} from 'werift'
import { hasProvedKey } from './far-proof.ts'
import type { OwnCertificate } from './own-certificate.ts'
import type { SdpFingerprint } from '../../media/sdp/session-description.ts'

/** What the key of our certificate signs with. */
const SIGNATURE = { signature: SignatureAlgorithm.ecdsa_3, hash: HashAlgorithm.sha256_4 }

/** What the channel tells. */
export type ChannelEvents = {
  readonly send: (bytes: Uint8Array) => void
  readonly opened: () => void
  readonly rtp: (bytes: Buffer) => void
  readonly rtcp: (bytes: Buffer) => void
  /** It failed, or the far end closed it. Told once. */
  readonly closed: () => void
}

/** Fields of a packet that is to be sent. */
export type SentPacket = {
  readonly payloadType: number
  readonly marker: boolean
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
  readonly payload: Uint8Array
}

export class SecureChannel {
  readonly #events: ChannelEvents
  readonly #far: SdpFingerprint
  readonly #dtls: DtlsClient | DtlsServer
  readonly #path: Path
  readonly #role: 'client' | 'server'
  #rtp: SrtpSession | undefined
  #rtcp: SrtcpSession | undefined
  #isClosed = false

  constructor(
    own: OwnCertificate,
    far: { readonly fingerprint: SdpFingerprint; readonly role: 'client' | 'server' },
    events: ChannelEvents,
  ) {
    this.#events = events
    this.#far = far.fingerprint
    this.#role = far.role
    this.#path = new Path(events.send)
    const options = {
      cert: own.certPem,
      key: own.keyPem,
      signatureHash: SIGNATURE,
      transport: this.#path,
      // The first of the far end's that we have; AEAD is half the work.
      srtpProfiles: [ProtectionProfileAeadAes128Gcm, ProtectionProfileAes128CmHmacSha1_80] as (1 | 7)[],
      extendedMasterSecret: true,
      certificateRequest: true,
    }
    this.#dtls = far.role === 'client' ? new DtlsClient(options) : new DtlsServer(options)
    this.#dtls.onConnect.once(() => this.#connected())
    this.#dtls.onError.subscribe(() => this.close())
    this.#dtls.onClose.subscribe(() => this.close())
  }

  get isOpen(): boolean {
    return this.#rtp !== undefined && !this.#isClosed
  }

  /** Once there is a path. */
  begin(): void {
    if (this.#dtls instanceof DtlsClient) this.#dtls.connect().catch(() => this.close())
  }

  /** A packet from the far end, of any kind but ICE's. */
  packet(bytes: Buffer): void {
    if (this.#isClosed) return
    const [first = 0, second = 0] = bytes
    if (first < 64) {
      this.#path.onData(bytes)
      return
    }
    // RFC 5761 §4.
    const isRtcp = second >= 192 && second <= 223
    const plain = decrypt(isRtcp ? this.#rtcp : this.#rtp, bytes)
    if (plain === undefined) return
    if (isRtcp) this.#events.rtcp(plain)
    else this.#events.rtp(plain)
  }

  sendRtp(packet: SentPacket): void {
    if (this.#rtp === undefined || this.#isClosed) return
    const header = new RtpHeader({
      payloadType: packet.payloadType,
      marker: packet.marker,
      sequenceNumber: packet.sequence,
      timestamp: packet.timestamp,
      ssrc: packet.ssrc,
    })
    this.#events.send(this.#rtp.encrypt(asBuffer(packet.payload), header))
  }

  sendRtcp(bytes: Uint8Array): void {
    if (this.#rtcp === undefined || this.#isClosed) return
    this.#events.send(this.#rtcp.encrypt(asBuffer(bytes)))
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#path.closed = true
    this.#events.closed()
  }

  #connected(): void {
    const profile = this.#dtls.srtp.srtpProfile
    if (this.#isClosed) return
    if (profile === undefined || !this.#isFarEnd()) {
      this.close()
      return
    }
    const keys = this.#dtls.extractSessionKeys(keyLength(profile), saltLength(profile))
    const config = {
      keys: {
        localMasterKey: keys.localKey,
        localMasterSalt: keys.localSalt,
        remoteMasterKey: keys.remoteKey,
        remoteMasterSalt: keys.remoteSalt,
      },
      profile,
    }
    this.#rtp = new SrtpSession(config)
    this.#rtcp = new SrtcpSession(config)
    this.#events.opened()
  }

  #isFarEnd(): boolean {
    const shown = this.#dtls.remoteCertificate
    if (shown === undefined || !hasProvedKey(this.#dtls, this.#role)) return false
    return createHash(this.#far.algorithm.replace('-', '')).update(shown).digest('hex') === this.#far.hex
  }
}

/** undefined for what the far end did not encrypt, or what was damaged: as if it had not come. */
function decrypt(session: SrtpSession | SrtcpSession | undefined, bytes: Buffer): Buffer | undefined {
  try {
    return session?.decrypt(bytes)
  } catch {
    return undefined
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** What the library takes for a socket. */
class Path implements Transport {
  readonly type = 'ice'
  readonly address = { address: '', family: '', port: 0 }
  readonly #send: (bytes: Uint8Array) => void
  closed = false
  onData: (data: Buffer) => void = () => undefined

  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send
  }

  readonly send = (bytes: Buffer): Promise<void> => {
    if (!this.closed) this.#send(bytes)
    return Promise.resolve()
  }

  readonly close = (): Promise<void> => Promise.resolve()
}

/**
 * The certificate that our end of WebRTC shows: signed by itself, since what vouches for it is its digest, told over HTTP
 * (RFC 8827 §6.5). Written here, field by field (RFC 5280 §4.1); the library's way loads a hundred modules for it, which
 * takes longer than everything else that a first connection needs.
 */

import { generateKeyPair, randomBytes, sign, X509Certificate } from 'node:crypto'
import { promisify } from 'node:util'

/** What our end is known by; made anew at each start. */
export type OwnCertificate = {
  readonly certPem: string
  readonly keyPem: string
  /** As a session description has it. */
  readonly fingerprint: string
}

const DAY_MS = 86_400_000
/** Clocks differ; nobody looks at the dates of a certificate that is known by its digest, but some may read them. */
const VALID_BEFORE_DAYS = 1
const VALID_DAYS = 3_650
const NAME = 'Headwater'

/** Tags of ITU-T X.690. */
const TAG = {
  integer: 0x02,
  bits: 0x03,
  id: 0x06,
  text: 0x0c,
  sequence: 0x30,
  set: 0x31,
  shortTime: 0x17,
  time: 0x18,
  version: 0xa0,
} as const
/** ecdsa-with-SHA256, RFC 5758 §3.2: 1.2.840.10045.4.3.2. */
const ECDSA_SHA256 = sequence(element(TAG.id, Buffer.from('2a8648ce3d040302', 'hex')))
/** 2.5.4.3. */
const COMMON_NAME = element(TAG.id, Buffer.from('550403', 'hex'))
/** X.509 v3. */
const VERSION = element(TAG.version, element(TAG.integer, Buffer.of(2)))

/** Makes it, with a key of its own on the curve P-256. */
export async function createCertificate(): Promise<OwnCertificate> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const nowMs = Date.now()
  const name = sequence(element(TAG.set, sequence(COMMON_NAME, element(TAG.text, Buffer.from(NAME)))))
  const toBeSigned = sequence(
    VERSION,
    // Positive, and not 0.
    element(TAG.integer, Buffer.of(1), randomBytes(8)),
    ECDSA_SHA256,
    name,
    sequence(time(nowMs - VALID_BEFORE_DAYS * DAY_MS), time(nowMs + VALID_DAYS * DAY_MS)),
    name,
    publicKey,
  )
  // No bits of a signature's last byte are unused.
  const signature = element(TAG.bits, Buffer.of(0), sign('sha256', toBeSigned, privateKey))
  const certificate = new X509Certificate(sequence(toBeSigned, ECDSA_SHA256, signature))
  return {
    certPem: certificate.toString(),
    keyPem: privateKey,
    fingerprint: `sha-256 ${certificate.fingerprint256}`,
  }
}

function sequence(...contents: readonly Uint8Array[]): Buffer {
  return element(TAG.sequence, ...contents)
}

/** A tag, the length in as few bytes as it needs, and the contents. */
function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, { byteLength }) => sum + byteLength, 0)
  const bytes = length < 0x100 ? [length] : [length >> 8, length & 0xff]
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | bytes.length, ...bytes]
  return Buffer.concat([Buffer.from(head), ...contents])
}

/** `YYMMDDHHMMSSZ` through 2049, afterwards with the whole year (RFC 5280 §4.1.2.5). */
function time(ms: number): Buffer {
  const text = `${new Date(ms).toISOString().replaceAll(/\D/g, '').slice(0, 14)}Z`
  return text < '2050'
    ? element(TAG.shortTime, Buffer.from(text.slice(2)))
    : element(TAG.time, Buffer.from(text))
}

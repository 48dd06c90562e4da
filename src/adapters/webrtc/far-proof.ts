/**
 * Whether the far end of a DTLS handshake has the key to the certificate that it shows. The library takes its word for it,
 * and a certificate is no secret: without this, whoever sits on the way could show the right one and read along.
 */

import { constants, type KeyObject, verify, X509Certificate } from 'node:crypto'
import type { DtlsSocket } from 'werift'

const SERVER_KEY_EXCHANGE = 12
const CERTIFICATE_VERIFY = 15

/** RFC 8446 §4.2.3, by its two bytes; the first ones as TLS 1.2 reads them, too (RFC 5246 §7.4.1.4.1). */
const SCHEMES: Readonly<Record<number, { readonly digest: string; readonly pss?: true }>> = {
  0x0401: { digest: 'sha256' },
  0x0501: { digest: 'sha384' },
  0x0601: { digest: 'sha512' },
  0x0403: { digest: 'sha256' },
  0x0503: { digest: 'sha384' },
  0x0603: { digest: 'sha512' },
  0x0804: { digest: 'sha256', pss: true },
  0x0805: { digest: 'sha384', pss: true },
  0x0806: { digest: 'sha512', pss: true },
}

/** Whether it does; asked once the handshake is over. `role` is ours. */
export function hasProvedKey(dtls: DtlsSocket, role: 'client' | 'server'): boolean {
  const shown = dtls.remoteCertificate
  if (shown === undefined) return false
  try {
    const key = new X509Certificate(shown).publicKey
    return role === 'client' ? hasSignedExchange(dtls, key) : hasSignedHandshake(dtls, key)
  } catch {
    // A certificate or a message that cannot be read proves nothing.
    return false
  }
}

/** RFC 8422 §5.4: a server signs both randoms and its half of the key exchange. */
function hasSignedExchange({ cipher, dtls }: DtlsSocket, key: KeyObject): boolean {
  const message = dtls.sortedHandshakeCache.find(({ msg_type }) => msg_type === SERVER_KEY_EXCHANGE)?.fragment
  const used = cipher.remoteKeyPair.publicKey
  if (message === undefined || used === undefined) return false
  const end = 4 + message.readUInt8(3)
  // The half that was signed is the one that was taken.
  if (!message.subarray(4, end).equals(used)) return false
  const signed = Buffer.concat([
    cipher.localRandom.serialize(),
    cipher.remoteRandom.serialize(),
    message.subarray(0, end),
  ])
  return isSigned(key, signed, message.subarray(end))
}

/** RFC 5246 §7.4.8: a client signs everything that was said before. */
function hasSignedHandshake({ dtls }: DtlsSocket, key: KeyObject): boolean {
  const messages = dtls.sortedHandshakeCache
  const at = messages.findIndex(({ msg_type }) => msg_type === CERTIFICATE_VERIFY)
  const proof = messages[at]?.fragment
  if (proof === undefined) return false
  return isSigned(key, Buffer.concat(messages.slice(0, at).map((each) => each.serialize())), proof)
}

/** `proof`: the scheme, the length, the signature. */
function isSigned(key: KeyObject, signed: Buffer, proof: Buffer): boolean {
  const scheme = SCHEMES[proof.readUInt16BE(0)]
  if (scheme === undefined) return false
  const signature = proof.subarray(4, 4 + proof.readUInt16BE(2))
  if (scheme.pss !== true) return verify(scheme.digest, signed, key, signature)
  const padding = constants.RSA_PKCS1_PSS_PADDING
  return verify(
    scheme.digest,
    signed,
    { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
    signature,
  )
}

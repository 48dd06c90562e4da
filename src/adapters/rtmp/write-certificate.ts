/** Writes an X.509 certificate that vouches for itself (RFC 5280 §4.1), in DER (ITU-T X.690). */

const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  generalizedTime: 0x18,
  utcTime: 0x17,
  /** `[0]`, the version. */
  version: 0xa0,
  /** `[3]`, the extensions. */
  extensions: 0xa3,
  /** `dNSName` and `iPAddress` of a subject's further names (§4.2.1.6). */
  dnsName: 0x82,
  ipAddress: 0x87,
} as const

/** 1.2.840.10045.4.3.2, 2.5.4.3 and 2.5.29.17. */
const OID = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
} as const

export type CertificateFacts = {
  /** SubjectPublicKeyInfo of a key on an elliptic curve. */
  readonly publicKey: Uint8Array
  /** 16 random bytes. */
  readonly serial: Uint8Array
  readonly fromMs: number
  readonly toMs: number
  /** ECDSA with SHA-256 by the private key, in DER. */
  readonly sign: (bytes: Uint8Array) => Uint8Array
}

/** The certificate in PEM. Its name is Headwater, and it is good for this machine when it speaks to itself. */
export function writeCertificate({ publicKey, serial, fromMs, toMs, sign }: CertificateFacts): string {
  const algorithm = der(TAG.sequence, der(TAG.oid, OID.ecdsaWithSha256))
  const commonName = der(TAG.sequence, der(TAG.oid, OID.commonName), der(TAG.utf8, ascii('Headwater')))
  const name = der(TAG.sequence, der(TAG.set, commonName))
  const names = der(TAG.sequence, der(TAG.dnsName, ascii('localhost')), der(TAG.ipAddress, [127, 0, 0, 1]))
  const alternative = der(TAG.sequence, der(TAG.oid, OID.subjectAltName), der(TAG.octetString, names))
  const facts = der(
    TAG.sequence,
    // Counted from 0: the third version.
    der(TAG.version, der(TAG.integer, [2])),
    // Never negative.
    der(TAG.integer, [0x01, ...serial]),
    algorithm,
    name,
    der(TAG.sequence, time(fromMs), time(toMs)),
    name,
    publicKey,
    der(TAG.extensions, der(TAG.sequence, alternative)),
  )
  const whole = der(TAG.sequence, facts, algorithm, der(TAG.bitString, [0], sign(facts)))
  const lines =
    Buffer.from(whole)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

/** A value with its tag and its length. */
function der(tag: number, ...parts: readonly ArrayLike<number>[]): Uint8Array {
  const body = parts.flatMap((part) => Array.from(part))
  const { length } = body
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Uint8Array.from([tag, ...size, ...body])
}

/** §4.1.2.5: with two digits for the year up to 2049. */
function time(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return digits < '2050' ? der(TAG.utcTime, ascii(digits.slice(2))) : der(TAG.generalizedTime, ascii(digits))
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/**
 * X25519 (RFC 7748 §5) by node's own cryptography, in the face that werift expects of the package it uses for it: that one
 * computes in JavaScript, 20 ms of the event loop for a first connection. `scripts/build-server.mjs` puts this in its place.
 */

import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'

const KEY_BYTES = 32
/** What stands before the key itself (RFC 8410 §4 and §7). */
const PUBLIC_HEAD = Buffer.from('302a300506032b656e032100', 'hex')
const PRIVATE_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex')

/** A new pair, 32 bytes each, in memory that holds nothing else. */
export function keyPair(): { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array } {
  const made = generateKeyPairSync('x25519', {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  })
  return {
    publicKey: Uint8Array.from(made.publicKey.subarray(PUBLIC_HEAD.length)),
    secretKey: Uint8Array.from(made.privateKey.subarray(PRIVATE_HEAD.length)),
  }
}

/** What both ends come to know, 32 bytes. Throws for keys of another length, and for points of small order. */
export function scalarMult(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  if (secretKey.byteLength !== KEY_BYTES || publicKey.byteLength !== KEY_BYTES) {
    throw new RangeError(`Keys of X25519 have ${KEY_BYTES} bytes.`)
  }
  return diffieHellman({
    privateKey: createPrivateKey({
      key: Buffer.concat([PRIVATE_HEAD, secretKey]),
      format: 'der',
      type: 'pkcs8',
    }),
    publicKey: createPublicKey({ key: Buffer.concat([PUBLIC_HEAD, publicKey]), format: 'der', type: 'spki' }),
  })
}

/** Tokens as customers sign them themselves, and as they never should be. */

import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** `POST ~/keys` gives these. */
export type ShownKey = { readonly id: string; readonly pem: string; readonly jwk: string }

/** The private key in the `pem` of a key. */
export function readPem(pem: string): KeyObject {
  return createPrivateKey(Buffer.from(pem, 'base64').toString('utf8'))
}

/** Another key of the same kind. */
export function strangersKey(): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey
}

/** Seconds since 1970. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds
}

export type TokenParts = {
  readonly header?: object
  readonly payload: object | string
  /** RSA signs with RS256, a text with HS256, null not at all. */
  readonly key: KeyObject | string | null
}

/** A token in compact form. */
export function signJwt({ header = {}, payload, key }: TokenParts): string {
  const alg = key === null ? 'none' : typeof key === 'string' ? 'HS256' : 'RS256'
  const text = `${encode(JSON.stringify({ alg, ...header }))}.${encode(typeof payload === 'string' ? payload : JSON.stringify(payload))}`
  if (key === null) return `${text}.`
  const signature =
    typeof key === 'string'
      ? createHmac('sha256', key).update(text).digest()
      : sign('RSA-SHA256', Buffer.from(text), key)
  return `${text}.${signature.toString('base64url')}`
}

/** Base64url of a text. */
export function encode(text: string): string {
  return Buffer.from(text).toString('base64url')
}

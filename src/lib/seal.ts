/**
 * Texts that only whoever holds a key of this house can read, for what has to lie in the database but must not leak with
 * a copy of it: AES-256-GCM (NIST SP 800-38D), so that a changed text is noticed too.
 */

import { createCipheriv, createDecipheriv } from 'node:crypto'

/** Bytes of a sealing key. */
export const SEALING_KEY_BYTES = 32
/** Bytes of randomness that every seal needs, never twice the same under one key (SP 800-38D §8.2.2). */
export const NONCE_BYTES = 12
const TAG_BYTES = 16

export type SealOptions = {
  /** 32 bytes as base64url. */
  readonly key: string
  /** What the text belongs to; it opens for nothing else. */
  readonly purpose: string
}

/** Seals `text`. `nonce`: 12 fresh random bytes as base64url. */
export function seal(text: string, nonce: string, { key, purpose }: SealOptions): string {
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key, 'base64url'), Buffer.from(nonce, 'base64url'))
  cipher.setAAD(Buffer.from(purpose))
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return `${nonce}.${sealed.toString('base64url')}`
}

/** The text; `undefined` when it was sealed with another key, for another purpose, or is damaged. */
export function unseal(sealed: string, { key, purpose }: SealOptions): string | undefined {
  const [nonce = '', body = ''] = sealed.split('.')
  const bytes = Buffer.from(body, 'base64url')
  if (Buffer.from(nonce, 'base64url').length !== NONCE_BYTES || bytes.length < TAG_BYTES) return undefined
  const decipher = createDecipheriv(
    'aes-256-gcm',
    Buffer.from(key, 'base64url'),
    Buffer.from(nonce, 'base64url'),
    { authTagLength: TAG_BYTES },
  )
  decipher.setAAD(Buffer.from(purpose))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8')
  } catch {
    return undefined
  }
}

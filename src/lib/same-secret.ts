/**
 * The one comparison of secrets. Other secrets are not compared at all but looked up by their SHA-256 (API tokens, sign-in
 * codes, sessions) or verified by a public key (playback tokens), where the time taken tells nothing of what is expected.
 */

import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether both are the same, in a time that depends on neither. Hashing first makes both sides equally long. */
export function isSameSecret(given: string, expected: string): boolean {
  return timingSafeEqual(sha256(given), sha256(expected))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

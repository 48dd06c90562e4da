import { expect, test } from 'vitest'
import { type DigestName, DIGEST_BYTES, startDigest } from './running-digest.ts'

// RFC 3174 §7.3, FIPS 180-2 B.1, RFC 1321 A.5; for CRC-32 the check value every catalogue gives for `123456789`.
test.each<[DigestName, string, string]>([
  ['sha1', 'abc', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
  ['sha256', 'abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['md5', 'abc', '900150983cd24fb0d6963f7d28e17f72'],
  ['crc32', '123456789', 'cbf43926'],
  ['crc32', '', '00000000'],
])('%s of %j, in one piece and in many', (name, text, expected) => {
  const whole = startDigest(name)
  whole.update(Buffer.from(text))
  const digest = whole.finish()
  expect(Buffer.from(digest).toString('hex')).toBe(expected)
  expect(digest.byteLength).toBe(DIGEST_BYTES[name])
  const pieces = startDigest(name)
  for (const letter of text) pieces.update(Buffer.from(letter))
  expect(Buffer.from(pieces.finish()).toString('hex')).toBe(expected)
})

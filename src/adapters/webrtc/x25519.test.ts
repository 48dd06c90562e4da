import { expect, test } from 'vitest'
import { keyPair, scalarMult } from './x25519.ts'

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')

test('computes what RFC 7748 §5.2 says', () => {
  const scalar = bytes('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4')
  const point = bytes('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c')
  expect(Buffer.from(scalarMult(scalar, point)).toString('hex')).toBe(
    'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
  )
})

test('both ends come to the same, in memory of their own', () => {
  const [one, other] = [keyPair(), keyPair()]
  expect([one.publicKey.buffer.byteLength, one.secretKey.buffer.byteLength]).toEqual([32, 32])
  expect(one.publicKey).not.toEqual(other.publicKey)
  expect(scalarMult(one.secretKey, other.publicKey)).toEqual(scalarMult(other.secretKey, one.publicKey))
})

test('refuses what is no key, and points of small order', () => {
  const { secretKey } = keyPair()
  for (const wrong of [new Uint8Array(31), new Uint8Array(33), new Uint8Array(32)]) {
    expect(() => scalarMult(secretKey, wrong)).toThrow()
  }
})

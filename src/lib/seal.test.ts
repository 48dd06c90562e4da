import { describe, expect, test } from 'vitest'
import { seal, unseal } from './seal.ts'

const key = Buffer.alloc(32, 1).toString('base64url')
const other = Buffer.alloc(32, 2).toString('base64url')
const nonce = Buffer.alloc(12, 3).toString('base64url')

describe('a sealed text', () => {
  const sealed = seal('the text, ü', nonce, { key, purpose: 'a' })

  test('opens with its key for its purpose', () => {
    expect(unseal(sealed, { key, purpose: 'a' })).toBe('the text, ü')
    expect(sealed).not.toContain(Buffer.from('the text').toString('base64url'))
  })

  test.each([
    ['with another key', sealed, { key: other, purpose: 'a' }],
    ['for another purpose', sealed, { key, purpose: 'b' }],
    [
      'with a letter changed',
      sealed.replace(/.(.{10})$/, (tail) => (tail[0] === 'A' ? 'B' : 'A') + tail.slice(1)),
      { key, purpose: 'a' },
    ],
    ['cut', sealed.slice(0, -8), { key, purpose: 'a' }],
    ['without its body', nonce, { key, purpose: 'a' }],
    ['that is none', 'nonsense.AAAA', { key, purpose: 'a' }],
    ['that is empty', '', { key, purpose: 'a' }],
  ])('%s does not open', (_name, text, options) => {
    expect(unseal(text, options)).toBeUndefined()
  })
})

import { describe, expect, test } from 'vitest'
import { isOriginCovered, playingOrigin } from './allowed-origins.ts'

describe('host patterns', () => {
  test.each([
    ['example.com', 'https://example.com', true],
    ['example.com', 'http://example.com', true],
    ['example.com', 'https://example.com:8443', false],
    ['example.com', 'https://www.example.com', false],
    ['example.com', 'https://example.com.evil.test', false],
    ['example.com', 'https://notexample.com', false],
    ['*.example.com', 'https://a.example.com', true],
    ['*.example.com', 'https://a.b.example.com', true],
    ['*.example.com', 'https://example.com', false],
    ['*.example.com', 'https://evilexample.com', false],
    ['localhost:3000', 'http://localhost:3000', true],
    ['localhost:3000', 'http://localhost:3001', false],
    ['localhost', 'http://localhost:3000', false],
    ['example.com:443', 'https://example.com', true],
    ['example.com:443', 'http://example.com', false],
    ['[::1]:3000', 'http://[::1]:3000', true],
    ['*', 'https://anything.test:99', true],
    ['example.com', 'null', false],
  ])('%s against %s: %s', (pattern, origin, covered) => {
    expect(isOriginCovered(origin, [pattern])).toBe(covered)
  })

  test('any of several patterns is enough', () => {
    expect(isOriginCovered('https://b.test', ['a.test', 'b.test'])).toBe(true)
    expect(isOriginCovered('https://b.test', [])).toBe(false)
  })
})

describe('the page that plays', () => {
  const own = 'https://video.test'
  test.each([
    { name: 'Origin', said: { origin: 'https://a.test' }, page: 'https://a.test' },
    { name: 'Referer without Origin', said: { referer: 'https://a.test/page?x=1' }, page: 'https://a.test' },
    {
      name: 'Origin before Referer',
      said: { origin: 'https://a.test', referer: 'https://b.test/' },
      page: 'https://a.test',
    },
    {
      name: 'the parent of our own player',
      said: { referer: `${own}/v/iframe`, parentOrigin: 'https://a.test' },
      page: 'https://a.test',
    },
    { name: 'our own page without a parent', said: { referer: `${own}/v/watch` }, page: undefined },
    {
      name: 'a parent claimed by a foreign page',
      said: { origin: 'https://b.test', parentOrigin: 'https://a.test' },
      page: 'https://b.test',
    },
    { name: 'a sandboxed page', said: { origin: 'null' }, page: undefined },
    {
      name: 'a parent that is no address',
      said: { origin: own, parentOrigin: 'javascript:alert(1)' },
      page: undefined,
    },
    { name: 'nothing', said: {}, page: undefined },
  ])('$name: $page', ({ said, page }) => {
    const request = {
      origin: undefined,
      referer: undefined,
      parentOrigin: undefined,
      publicUrl: own,
      ...said,
    }
    expect(playingOrigin(request)).toBe(page)
  })
})

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createFindPublicUrl, parseTarget } from './request-address.ts'

describe('a request target', () => {
  test.each([
    ['/a/b', '/a/b', ''],
    ['/a/b/', '/a/b', ''],
    ['/', '/', ''],
    ['/a%20b?x=1&y=%2F', '/a b', 'x=1&y=%2F'],
    ['/a?x=?', '/a', 'x=?'],
    ['http://host:80/a?x', '/a', 'x'],
    ['http://host', '/', ''],
    ['/%C3%A9', '/é', ''],
    ['/a/.b/..c', '/a/.b/..c', ''],
    ["/a.b/~c!$&'()*+,;=:@-_/", "/a.b/~c!$&'()*+,;=:@-_", ''],
  ])('%s is path %s and query %j', (target, path, search) => {
    expect(parseTarget(target)).toMatchObject({ path, search })
  })

  test.each([
    '/%',
    '/%zz',
    '/%ff',
    '/a%00b',
    '/a%0ab',
    '/..',
    '/a/../b',
    '/a/%2e%2e/b',
    '/./a',
    '/a%2fb',
    '/a%5Cb',
    '/a\\b',
    '*',
    'host:80',
  ])('%s is refused', (target) => {
    expect(() => parseTarget(target)).toThrow(expect.objectContaining({ code: 'bad_request' }))
  })
})

function request(headers: Record<string, string>, remoteAddress = '203.0.113.9'): IncomingMessage {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress })
  const incoming = new IncomingMessage(socket)
  Object.assign(incoming.headers, headers)
  return incoming
}

describe('the public address', () => {
  const forwarded = {
    host: 'inner:8080',
    'x-forwarded-host': 'video.example.com',
    'x-forwarded-proto': 'https',
  }

  test('is the setting, whatever the request says', () => {
    const find = createFindPublicUrl({ publicUrl: 'https://tv.example/', trustedProxies: ['203.0.113.9'] })
    expect(find(request(forwarded))).toBe('https://tv.example')
  })

  test.each([
    [{ host: 'Video.Example:8080' }, 'http://video.example:8080'],
    [{ host: '[::1]:80' }, 'http://[::1]:80'],
    [{ host: '127.0.0.1' }, 'http://127.0.0.1'],
  ])('of %j is %s', (headers, url) => {
    expect(createFindPublicUrl({ publicUrl: null, trustedProxies: null })(request(headers))).toBe(url)
  })

  test.each(['a b', 'user@host', 'host/path', 'host:port', '', 'a"b', 'a'.repeat(300)])(
    'is refused for the host %j',
    (host) => {
      const find = createFindPublicUrl({ publicUrl: null, trustedProxies: null })
      expect(() => find(request({ host }))).toThrow(expect.objectContaining({ code: 'bad_request' }))
    },
  )

  test.each([
    ['203.0.113.9', ['203.0.113.9'], 'https://video.example.com'],
    ['203.0.113.9', ['203.0.113.0/24'], 'https://video.example.com'],
    ['::ffff:203.0.113.9', ['203.0.113.0/24'], 'https://video.example.com'],
    ['2001:db8::5', ['10.0.0.0/8', '2001:db8::/32'], 'https://video.example.com'],
    ['203.0.113.9', ['10.0.0.0/8'], 'http://inner:8080'],
    ['203.0.113.9', [], 'http://inner:8080'],
  ])('from peer %s with proxies %j is %s', (peer, trustedProxies, url) => {
    expect(createFindPublicUrl({ publicUrl: null, trustedProxies })(request(forwarded, peer))).toBe(url)
  })
})

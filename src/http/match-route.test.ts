import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createMatchRoute, literalPrefix, literalSecond } from './match-route.ts'
import { formatPattern } from './metrics.ts'
import type { ByteRoute } from './route.ts'

const incoming = new IncomingMessage(new Socket())

function route(pattern: RegExp, accepts?: ByteRoute['accepts']): ByteRoute {
  return { pattern, accepts, failures: 'plain', handle: () => Promise.resolve() }
}

describe('the literal prefix of a pattern', () => {
  test.each([
    [/^\/healthz$/, '/healthz'],
    [/^\/client\/v4\/accounts\/(?<account>[^/]+)\/stream$/, '/client/v4/accounts/'],
    [/^\/(?<id>[^/]+)\/manifest\/video\.m3u8$/, '/'],
    [/^\/embed\/v1\.latest\.js$/, '/embed/v1.latest.js'],
    [/^\/foos?$/, '/foo'],
    [/^\/fo{2}$/, '/f'],
    [/^\/a+b$/, '/a'],
    [/^\/a$|^\/b$/, ''],
    [/^\/(?:a|b)$/, '/'],
    [/^\/[a|b]c$/, '/'],
    [/^\/A$/i, ''],
    [/\/a$/, ''],
    [/^\/\d+$/, '/'],
    [/^\/a.b$/, '/a'],
  ])('%s is %j', (pattern, prefix) => {
    expect(literalPrefix(pattern)).toBe(prefix)
  })
})

describe('what stands after the id in a pattern', () => {
  test.each([
    [/^\/(?<id>[^/]+)\/manifest\/video\.m3u8$/, '/manifest/video.m3u8'],
    [/^\/(?<id>[^/]+)\/(?<rendition>[^/]+)\/init\.mp4$/, '/'],
    [/^\/(?<id>[^/]+)\/watchs?$/, '/watch'],
    [/^\/(?<id>[^/]+)$/, ''],
    [/^\/(?<id>[^/]+)?\/a$/, ''],
    [/^\/(?<id>[^/]+)\/a$|^\/b$/, ''],
    [/^\/healthz$/, ''],
  ])('%s has %j', (pattern, second) => {
    expect(literalSecond(pattern)).toBe(second)
  })
})

describe('a pattern as people read it', () => {
  test.each([
    [/^\/(?<id>[^/]+)\/manifest\/video\.m3u8$/, '/{id}/manifest/video.m3u8'],
    [/^\/(?<id>[0-9a-f]{32})\/(?<rendition>[^/()]+)\/(?<n>\d+)\.m4s$/, '/{id}/{rendition}/{n}.m4s'],
    [/^\/(?:watch|iframe)$/, '/*'],
  ])('%s reads %s', (pattern, template) => {
    expect(formatPattern(pattern)).toBe(template)
  })
})

describe('finding a route', () => {
  const any = route(/^\/(?<id>[^/]+)\/watch$/)
  const upload = route(/^\/upload\/tus\/(?<id>[^/]+)$/, (method) => method === 'PATCH')
  const second = route(/^\/upload\/tus\/(?<other>[^/]+)$/)
  const match = createMatchRoute([any, upload, second])

  test('takes the first that fits and accepts', () => {
    expect(match('/upload/tus/a', 'PATCH', incoming)).toMatchObject({ route: upload, params: { id: 'a' } })
    expect(match('/upload/tus/a', 'GET', incoming)).toMatchObject({ route: second, params: { other: 'a' } })
    expect(match('/abc/watch', 'GET', incoming)).toMatchObject({ route: any, params: { id: 'abc' } })
  })

  test('finds none for what nobody takes', () => {
    expect(match('/abc', 'GET', incoming)).toBeUndefined()
  })
})

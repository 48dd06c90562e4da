import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { HeadwaterError } from '../lib/failure.ts'
import { queryBoolean, queryInteger, queryList, queryTime } from './api/query-fields.ts'
import { metaField, publicDetailsField } from './api/video-fields.ts'
import { checkBody, checkQuery } from './check-fields.ts'

function failureOf(run: () => unknown): { code: string; message: string; field: unknown } {
  try {
    run()
  } catch (error) {
    if (error instanceof HeadwaterError) {
      return { code: error.code, message: error.message, field: error.facts.field }
    }
    throw error
  }
  throw new Error('expected a failure')
}

const body = z.object({
  name: z.string(),
  on: z.boolean().optional(),
  share: z.number().max(1, 'must be at most 1').nullable().optional(),
  count: z.int('must be a whole number').optional(),
  meta: metaField.optional(),
  tags: z.array(z.string()).optional(),
  details: publicDetailsField.optional(),
})

describe('a body', () => {
  test('matches its keys in any case, also inside known objects; an exact one wins; others are dropped', () => {
    expect(
      checkBody(body, {
        NAME: 'a',
        name: 'b',
        ON: true,
        Details: { TITLE: 't' },
        meta: { Name: 'kept' },
        other: 1,
      }),
    ).toEqual({ name: 'b', on: true, details: { title: 't' }, meta: { Name: 'kept' } })
  })

  test.each([
    [{ name: 1 }, 'bad_json', 'name'],
    [{ name: null }, 'bad_json', 'name'],
    [{ name: 'a', on: 'true' }, 'bad_json', 'on'],
    [{ name: 'a', share: '0.5' }, 'bad_json', 'share'],
    [{ name: 'a', meta: [] }, 'bad_json', 'meta'],
    [{ name: 'a', tags: ['x', 5] }, 'bad_json', 'tags.1'],
    [{ name: 'a', tags: 'x' }, 'bad_json', 'tags'],
    [{ name: 'a', details: { logo: 1 } }, 'bad_json', 'details.logo'],
    [{}, 'bad_request', 'name'],
    [{ name: 'a', share: 1.5 }, 'bad_request', 'share'],
    [{ name: 'a', count: 1.5 }, 'bad_request', 'count'],
  ])('%j is refused as %s naming %s', (given, code, field) => {
    const failure = failureOf(() => checkBody(body, given))
    expect(failure).toMatchObject({ code, field })
    expect(failure.message).toContain(`${field} `)
  })

  test('a key named __proto__ changes nothing', () => {
    const given = JSON.parse('{"name":"a","__proto__":{"on":true}}')
    expect(checkBody(body, given)).toEqual({ name: 'a' })
  })
})

const query = z.object({
  asc: queryBoolean.optional(),
  limit: queryInteger(1, 1000, 'results are limited to 1000 entries per request').optional(),
  id: queryList.optional(),
  start: queryTime.optional(),
})

describe('a query', () => {
  test.each([
    ['asc=true', { asc: true }],
    ['asc=1', { asc: true }],
    ['asc=false', { asc: false }],
    ['asc=0', { asc: false }],
    ['asc=', {}],
    ['asc=undefined&limit=undefined', {}],
    ['limit=1000', { limit: 1000 }],
    ['id=a,b,,%20c', { id: ['a', 'b', 'c'] }],
    ['start=1970-01-01T02:00:01%2B02:00', { start: 1_000_000 }],
    ['start=1970-01-01T02:00:01+02:00', { start: 1_000_000 }],
    ['start=1970-01-01T00:00:00.000001Z', { start: 1 }],
    ['other=1', {}],
  ])('%s means %j', (text, meaning) => {
    expect(checkQuery(query, new URLSearchParams(text))).toEqual(meaning)
  })

  test.each(['asc=yes', 'limit=0', 'limit=1001', 'limit=-1', 'limit=abc', 'limit=1.5', 'start=yesterday'])(
    '%s is refused as bad_request',
    (text) => {
      const failure = failureOf(() => checkQuery(query, new URLSearchParams(text)))
      expect(failure).toMatchObject({ code: 'bad_request', field: text.split('=')[0] })
    },
  )

  test('a limit that is too large is refused in the words clients know', () => {
    expect(failureOf(() => checkQuery(query, new URLSearchParams('limit=1001'))).message).toContain(
      'results are limited to 1000 entries per request',
    )
  })
})

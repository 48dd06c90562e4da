import { describe, expect, test } from 'vitest'
import { HeadwaterError } from '../lib/failure.ts'
import { formatFailure } from './envelope.ts'
import type { ERRORS } from './errors.ts'
import { tellFailure } from './tell-failure.ts'

describe('telling a failure', () => {
  test('says status, number and a sentence with the start clients know', () => {
    const told = tellFailure(new HeadwaterError('not_found', 'There is no such video.'), 'r')
    expect(told).toMatchObject({
      status: 404,
      number: 10003,
      message: 'Not Found: There is no such video.',
    })
    expect(JSON.parse(formatFailure(told))).toEqual({
      result: null,
      success: false,
      errors: [{ code: 10003, message: 'Not Found: There is no such video.' }],
      messages: null,
    })
  })

  test('keeps what is not ours, and what is ours to mend, in the log', () => {
    for (const error of [
      new Error('secret path /home/x'),
      'text',
      new HeadwaterError('blob_damaged', 'secret'),
    ]) {
      const told = tellFailure(error, 'req-1')
      expect(told).toMatchObject({ status: 500, number: 10500 })
      expect(told.message).toContain('req-1')
      expect(told.message).not.toContain('secret')
    }
  })

  test('a full disk is told in words', () => {
    const told = tellFailure(new HeadwaterError('disk_full', 'The disk has no room for 5 MB.'), 'r')
    expect(told).toMatchObject({
      status: 507,
      message: 'Insufficient Storage: The disk has no room for 5 MB.',
    })
  })

  test('exhausted storage names the minutes in messages', () => {
    const error = new HeadwaterError('storage_exhausted', '', {
      facts: { usedMinutes: 90, allocatedMinutes: 100 },
    })
    const body = JSON.parse(formatFailure(tellFailure(error, 'r')))
    expect(body.errors).toEqual([{ code: 10011, message: 'Storage capacity exceeded' }])
    expect(body.messages[0].message).toContain('90 of 100')
  })

  test('facts become headers and the pointer', () => {
    const tell = (code: keyof typeof ERRORS, facts: Record<string, string | number>) =>
      tellFailure(new HeadwaterError(code, 'x', { facts }), 'r')
    expect(tell('method_not_allowed', { allow: 'GET, HEAD' }).headers.allow).toBe('GET, HEAD')
    expect(tell('segment_not_ready', { retryAfterSeconds: 7 }).headers['retry-after']).toBe('7')
    expect(tell('range_not_satisfiable', { sizeBytes: 9 }).headers['content-range']).toBe('bytes */9')
    expect(JSON.parse(formatFailure(tell('bad_request', { field: 'publicDetails.logo' }))).errors[0]).toEqual(
      {
        code: 10005,
        message: 'Bad Request: x',
        source: { pointer: '/publicDetails/logo' },
      },
    )
  })
})

import { expect, test } from 'vitest'
import { AlreadyUploadedError, toStreamError } from './stream-error.ts'

test.each([
  [400, 10004, 'BadRequestError'],
  [400, 10005, 'BadRequestError'],
  [401, 10000, 'ForbiddenError'],
  [403, 10000, 'ForbiddenError'],
  [404, 10003, 'NotFoundError'],
  [404, 7003, 'NotFoundError'],
  [405, 10006, 'StreamError'],
  [409, 10007, 'StreamError'],
  [410, 10010, 'StreamError'],
  [413, 10008, 'MaxFileSizeError'],
  [413, 10011, 'QuotaReachedError'],
  [413, 10500, 'StreamError'],
  [415, 10012, 'StreamError'],
  [429, 10009, 'RateLimitedError'],
  [500, 10500, 'InternalError'],
  [501, 10046, 'InternalError'],
  [507, 10013, 'InternalError'],
])('HTTP %i with %i is told as %s', (statusCode, code, name) => {
  const error = toStreamError({ statusCode, code, message: 'why' })
  expect(error).toMatchObject({ statusCode, code, name, message: 'why' })
  expect(String(error)).toBe(`${name}: why`)
})

test('a call may know better', () => {
  const error = toStreamError({ statusCode: 409, code: 10007, message: 'why' }, ({ statusCode }) =>
    statusCode === 409 ? AlreadyUploadedError : undefined,
  )
  expect(error).toBeInstanceOf(AlreadyUploadedError)
})

import { expect, test } from 'vitest'
import { badToken, expiredToken } from '../core/protection/index.ts'
import { HeadwaterError } from '../lib/failure.ts'
import { describeRefusal, refuseFrame } from './page-refusal.ts'

test.each([
  [new HeadwaterError('not_found', 'x'), 'id', 404, 'There is no such video'],
  [new HeadwaterError('playback_token_required', 'x'), 'id', 401, 'This video is protected'],
  [expiredToken(), 'a.b.c', 401, 'This link has expired'],
  [badToken('has a wrong signature'), 'a.b.c', 401, 'This link is not valid'],
  [new HeadwaterError('playback_refused', 'x'), 'id', 403, 'This video does not play here'],
])('%s of %s is a %i page: %s', (error, id, status, title) => {
  expect(describeRefusal(error, id)).toMatchObject({ status, title })
})

test('what is nobody’s refusal stays an error', () => {
  expect(describeRefusal(new Error('x'), 'id')).toBeUndefined()
  expect(describeRefusal(new HeadwaterError('blob_damaged', 'x'), 'id')).toBeUndefined()
})

test.each([
  [[], 'https://a.example/', 'iframe', false],
  [['example.com'], 'https://a.example/', 'iframe', true],
  [['example.com'], 'https://a.example/', 'document', false],
  [['example.com'], 'https://example.com/page', 'iframe', false],
  [['example.com'], 'https://video.example/videos/1', 'iframe', false],
  [['example.com'], undefined, 'iframe', false],
  [['example.com'], 'nonsense', 'iframe', false],
  [['*'], 'https://a.example/', 'iframe', false],
])('allowed on %o, a page at %s asks for a %s: refused %s', (allowedOrigins, referer, dest, refused) => {
  const headers = { referer, 'sec-fetch-dest': dest }
  const answer = refuseFrame({ allowedOrigins }, { headers }, 'https://video.example')
  expect(answer !== undefined).toBe(refused)
})

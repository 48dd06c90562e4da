import { expect, test } from 'vitest'
import { checkWork, parseAnimationQuery } from './animation-request.ts'

const parse = (query: string) => parseAnimationQuery(new URLSearchParams(query))

test.each([
  ['', 5, 8],
  ['duration=&fps=', 5, 8],
  ['duration=2', 2, 8],
  ['duration=0.25s&fps=12.5', 0.25, 12.5],
  ['duration=30s&fps=30', 30, 30],
])('%s is %d s at %d pictures a second', (query, durationSeconds, rate) => {
  expect(parse(query)).toMatchObject({ durationSeconds, rate })
})

test.each(['0', '0s', '30.001s', '1m', '-1s', '5 s', '50%'])('duration=%s is refused', (duration) => {
  expect(() => parse(new URLSearchParams({ duration }).toString())).toThrow(/^duration must be a length/)
})

test.each(['0', '0.5', '31', '8fps', '1e1', '-8'])('fps=%s is refused', (fps) => {
  expect(() => parse(new URLSearchParams({ fps }).toString())).toThrow(/^fps must be a number/)
})

test('what would take minutes is refused with what would be possible', () => {
  const long = parse('duration=30s&fps=30')
  expect(() => checkWork(long, { width: 640, height: 480, fit: 'crop' })).not.toThrow()
  expect(() => checkWork(long, { width: 3840, height: 2160, fit: 'crop' })).toThrow(
    /may have at most 33 pictures; 30 s at fps=30 would have 900/,
  )
})

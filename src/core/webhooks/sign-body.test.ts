import { expect, test } from 'vitest'
import { MOST_TRIES, pauseAfterMs } from './call.ts'
import { signBody } from './sign-body.ts'

const SECRET = '5b1e0c94d7a2438f96e0f3b871cd2a6e'
const BODY = '{"uid":"7d1f0c5ab2e94c3d8a6f41e07b9c2d30","readyToStream":true,"status":{"state":"ready"}}'

test('a body is signed as the test vector of the specification says', () => {
  expect(Buffer.byteLength(BODY)).toBe(90)
  expect(signBody(SECRET, 1795197972, Buffer.from(BODY))).toBe(
    'time=1795197972,sig1=63bee57bfbb6f39ada4e4f64e4445e00d47328fb358787b5e1b5a7979e10bf2e',
  )
})

test.each([
  ['another time', SECRET, 1795197973, BODY],
  ['another byte', SECRET, 1795197972, BODY.replace('true', 'trUe')],
  ['another secret', SECRET.toUpperCase(), 1795197972, BODY],
])('%s is another signature', (_, secret, time, body) => {
  expect(signBody(secret, time, Buffer.from(body)).split('sig1=')[1]).not.toBe(
    '63bee57bfbb6f39ada4e4f64e4445e00d47328fb358787b5e1b5a7979e10bf2e',
  )
})

test('bytes that are no text are signed as they are', () => {
  const one = signBody(SECRET, 1, new Uint8Array([0xff]))
  expect(one).not.toBe(signBody(SECRET, 1, new Uint8Array([0xfe])))
})

test('five pauses follow failures, each within a tenth of 10 s, 60 s, 5 min, 30 min and 2 h', () => {
  const ids = ['0', '8', 'f'].map((digit) => digit.repeat(32))
  for (const [index, seconds] of [10, 60, 300, 1_800, 7_200].entries()) {
    const pauses = ids.map((id) => pauseAfterMs(id, index + 1) ?? 0)
    expect(pauses[0]).toBe(seconds * 900)
    expect(pauses[2]).toBe(seconds * 1_100)
    expect(Math.abs((pauses[1] ?? 0) - seconds * 1_000)).toBeLessThan(seconds * 10)
  }
  expect(ids.map((id) => pauseAfterMs(id, MOST_TRIES))).toEqual([undefined, undefined, undefined])
})

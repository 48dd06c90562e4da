/** Parts of the player that need no page. */

import { expect, test } from 'vitest'
import { formatTime } from '../web/player/format-time.ts'
import { findPicture, parseStoryboard } from '../web/player/storyboard-cues.ts'
import { hasExpired } from '../web/player/token.ts'

test.each([
  [0, '0:00'],
  [59.99, '0:59'],
  [83, '1:23'],
  [3600, '1:00:00'],
  [36_125, '10:02:05'],
])('%d s is shown as %s', (seconds, text) => {
  expect(formatTime(seconds)).toBe(text)
})

const STORYBOARD = `WEBVTT

00:00:00.000 --> 00:00:02.500
storyboard.jpg#xywh=0,0,192,108

NOTE nothing to see

00:02.500 --> 01:00:03.250
https://other.example/sheet.jpg?a#xywh=192,108,64,32
`

test('a storyboard is read, whatever else stands in it', () => {
  const pictures = parseStoryboard(STORYBOARD, 'https://video.example/a.b.c/headwater/storyboard.vtt')
  expect(pictures).toEqual([
    {
      startSeconds: 0,
      endSeconds: 2.5,
      sheet: 'https://video.example/a.b.c/headwater/storyboard.jpg',
      x: 0,
      y: 0,
      width: 192,
      height: 108,
    },
    {
      startSeconds: 2.5,
      endSeconds: 3603.25,
      sheet: 'https://other.example/sheet.jpg?a',
      x: 192,
      y: 108,
      width: 64,
      height: 32,
    },
  ])
  const shown = [0, 2.4, 2.5, 9_999].map((seconds) => findPicture(pictures, seconds)?.x)
  expect(shown).toEqual([0, 0, 192, 192])
  expect(findPicture([], 1)).toBeUndefined()
})

test.each([
  [{ exp: Date.now() / 1000 - 60 }, true],
  [{ exp: String(Math.floor(Date.now() / 1000) - 60) }, true],
  [{ exp: Date.now() / 1000 + 60 }, false],
  [{}, false],
])('a token with %o has expired: %s', (payload, expired) => {
  const text = Buffer.from(JSON.stringify({ ...payload, text: '??>>~~ü' })).toString('base64url')
  expect(hasExpired(`header.${text}.signature`)).toBe(expired)
  expect(hasExpired('nonsense')).toBe(false)
})

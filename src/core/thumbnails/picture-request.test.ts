import { describe, expect, test } from 'vitest'
import { type PictureQuery, parsePictureQuery, pictureSeconds, pictureShape } from './picture-request.ts'

const parse = (query: string): PictureQuery => parsePictureQuery(new URLSearchParams(query))

describe('the instant of a thumbnail', () => {
  test.each([
    ['', 2.5],
    ['time=', 2.5],
    ['time=1s', 1],
    ['time=3.347s', 3.347],
    ['time=1m2s', 62],
    ['time=1h2m3s', 3723],
    ['time=8m', 480],
    ['time=1h3s', 3603],
    ['time=7', 7],
    ['time=7.25', 7.25],
    ['time=50%25', 5000],
    ['time=0%25', 0],
    ['time=100%25', 10_000],
    ['time=10000', 10_000],
  ])('%s is %d s of a video of 10,000 s', (query, seconds) => {
    expect(pictureSeconds(parse(query), 10_000, 0.000_25)).toBe(seconds)
  })

  test.each(['-1', '1s2m', '1x', 's', 'm', '101%25', '%25', '1e3', 'NaN', '1 s', '1,5', '0x10', '٣'])(
    'time=%s is refused',
    (time) => {
      expect(() => parse(`time=${time}`)).toThrow(/^time must be a time such as/)
    },
  )

  test('past the end there is no picture', () => {
    expect(() => pictureSeconds(parse('time=10001'), 10_000, 0)).toThrow('there is no picture at 10001 s')
  })
})

describe('the size of a thumbnail', () => {
  const wide = { width: 1920, height: 1080 }
  const tall = { width: 1080, height: 1920 }
  test.each([
    { query: '', video: wide, shape: { width: 640, height: 360, fit: 'crop' } },
    { query: '', video: tall, shape: { width: 360, height: 640, fit: 'crop' } },
    { query: 'height=270', video: wide, shape: { width: 480, height: 270, fit: 'crop' } },
    { query: 'width=320', video: wide, shape: { width: 320, height: 180, fit: 'crop' } },
    { query: 'width=300&height=300', video: wide, shape: { width: 300, height: 300, fit: 'crop' } },
    {
      query: 'width=300&height=300&fit=scale',
      video: wide,
      shape: { width: 300, height: 300, fit: 'scale' },
    },
    { query: 'width=300&height=300&fit=fill', video: wide, shape: { width: 300, height: 300, fit: 'fill' } },
    { query: 'width=300&height=300&fit=clip', video: wide, shape: { width: 300, height: 169, fit: 'clip' } },
    {
      query: 'width=3000&height=2000&fit=clip',
      video: wide,
      shape: { width: 1920, height: 1080, fit: 'clip' },
    },
    {
      query: 'height=2160',
      video: { width: 4000, height: 400 },
      shape: { width: 3840, height: 2160, fit: 'crop' },
    },
    { query: 'width=1', video: wide, shape: { width: 1, height: 1, fit: 'crop' } },
  ])('$query of $video.width x $video.height', ({ query, video, shape }) => {
    expect(pictureShape(parse(query), video)).toEqual(shape)
  })

  test.each([
    'width=0',
    'width=3841',
    'height=2161',
    'height=1.5',
    'width=-3',
    'width=abc',
    'height=1e2',
    'fit=cover',
  ])('%s is refused by name', (query) => {
    expect(() => parse(query)).toThrow(new RegExp(`^${query.split('=')[0]} must be `))
  })
})

import { validateHeaderValue } from 'node:http'
import { describe, expect, test } from 'vitest'
import { isFailure } from '../../lib/failure.ts'
import { givenMetadata, parseUploadMetadata } from './tus-metadata.ts'

const NOW_US = Date.UTC(2026, 10, 20, 18) * 1000
const DAY_US = 86_400_000_000
const parse = (header: string | undefined) => parseUploadMetadata(header, { nowUs: NOW_US })
const b64 = (text: string) => Buffer.from(text).toString('base64')
const refusal = (header: string) => {
  try {
    parse(header)
  } catch (error) {
    return isFailure(error) ? `${error.code}: ${error.message}` : error
  }
  return 'accepted'
}

describe('syntax of uploads.md §2.3', () => {
  test('the sample of the specification', () => {
    const fields = parse(
      'name aGFyYm91ciB0b3VyLm1wNA==,requiresignedurls,maxDurationSeconds OTAw,expiry MjAyNy0wMS0zMVQwODowMDowMFo=',
    )
    expect(fields).toMatchObject({
      meta: { name: 'harbour tour.mp4' },
      requireSignedUrls: true,
      maxDurationSeconds: 900,
      expiryUs: Date.UTC(2027, 0, 31, 8) * 1000,
    })
  })

  test.each([undefined, '', ' ', 'null', 'undefined'])('%j is no metadata at all', (header) => {
    expect(parse(header)).toEqual({
      meta: {},
      requireSignedUrls: false,
      allowedOrigins: [],
      thumbnailTimestampPct: 0,
    })
  })

  test.each([
    ['a space after the comma', `name ${b64('a')}, title ${b64('b')}`, { name: 'a', title: 'b' }],
    ['a comma at the end', `name ${b64('a')},`, { name: 'a' }],
    ['a key alone', 'name,title', { name: '', title: '' }],
    ['a key and a space', `title ,name ${b64('a')}`, { title: '', name: 'a' }],
    ['text beyond ASCII', `name ${b64('Köln 🚢')}`, { name: 'Köln 🚢' }],
    ['a byte order mark', `title ${b64('\ufeffa')}`, { title: '\ufeffa' }],
    ['null as a value', `relativePath ${b64('null')}`, { relativePath: 'null' }],
  ])('%s is fine', (_, header, meta) => {
    expect(parse(header).meta).toEqual(meta)
  })

  test.each([
    ['bad Base64', 'name a*b=', 'must be Base64'],
    ['Base64 without padding', 'name YQ', 'must be Base64'],
    ['Base64 with stray bits', 'name YR==', 'must be Base64'],
    ['two spaces', `name  ${b64('a')}`, 'must be Base64'],
    ['a value that is not UTF-8', `name ${Buffer.from([0xff, 0xfe]).toString('base64')}`, 'must be UTF-8'],
    ['an empty pair', `name ${b64('a')},,title ${b64('b')}`, 'pairs of a key'],
    ['two commas at the end', `name ${b64('a')},,`, 'pairs of a key'],
    ['a comma alone', ',', 'pairs of a key'],
    ['a key beyond ASCII', `größe ${b64('a')}`, 'pairs of a key'],
    ['a space beyond ASCII', `name ${b64('a')},\u3000title ${b64('b')}`, 'pairs of a key'],
    ['the same key twice', `title ${b64('a')},title ${b64('b')}`, 'twice'],
    ['the same key in other letters', `name ${b64('a')},NAME ${b64('b')}`, 'twice'],
    ['more than 8 KiB', `name ${'YWFh'.repeat(2_100)}`, 'at most 8192 bytes'],
  ])('%s is refused', (_, header, words) => {
    expect(refusal(header)).toMatch(/^bad_request: /)
    expect(refusal(header)).toContain(words)
  })
})

describe('keys of uploads.md §2.3', () => {
  test.each(['name', 'NAME', 'Name'])('%s names the video', (key) => {
    expect(parse(`${key} ${b64('x')}`).meta).toEqual({ name: 'x' })
  })

  test('filename names it where name is absent, and stays in meta', () => {
    expect(parse(`filename ${b64('f.mp4')}`).meta).toEqual({ name: 'f.mp4', filename: 'f.mp4' })
    expect(parse(`filename ${b64('f.mp4')},name ${b64('n')}`).meta).toEqual({ name: 'n', filename: 'f.mp4' })
  })

  test.each([
    'requiresignedurls',
    'RequireSignedURLs ',
    `requiresignedurls ${b64('false')}`,
    'requiresignedurls MA==',
  ])('%j closes the video: presence decides', (header) => {
    expect(parse(header)).toMatchObject({ requireSignedUrls: true, meta: {} })
  })

  test.each([
    ['a.com,b.com', ['a.com', 'b.com']],
    [' *.Example.com , localhost:3000', ['*.example.com', 'localhost:3000']],
    ['["a.com","https://b.com"]', ['a.com', 'b.com']],
    ['[]', []],
    ['', []],
    ['*', ['*']],
  ])('allowedorigins %j', (value, origins) => {
    expect(parse(`AllowedOrigins ${b64(value)}`).allowedOrigins).toEqual(origins)
  })

  test.each(['a.com/path', '["a.com",1]', '[broken', 'a.com,,b.com', 'a b', 'a.com:70000', '*.'])(
    'allowedorigins %j is refused',
    (value) => {
      expect(refusal(`allowedorigins ${b64(value)}`)).toMatch(/^bad_request: .*allowedorigins/i)
    },
  )

  test.each([
    ['0', 0],
    ['0.25', 0.25],
    ['1', 1],
    ['1.0', 1],
    ['.5', 0.5],
    ['5e-1', 0.5],
  ])('thumbnailtimestamppct %s', (value, share) => {
    expect(parse(`thumbnailTimestampPct ${b64(value)}`).thumbnailTimestampPct).toBe(share)
  })

  test.each(['', '1.01', '-0.1', 'half', 'NaN', '0x1', ' 0.5'])(
    'thumbnailtimestamppct %j is refused',
    (value) => {
      expect(refusal(`thumbnailtimestamppct ${b64(value)}`)).toMatch(/^bad_request: /)
    },
  )

  test.each([
    ['1', 1],
    ['600', 600],
    ['36000', 36_000],
  ])('maxDurationSeconds %s, in either spelling', (value, seconds) => {
    expect(parse(`maxDurationSeconds ${b64(value)}`).maxDurationSeconds).toBe(seconds)
    expect(parse(`maxdurationseconds ${b64(value)}`)).toMatchObject({ maxDurationSeconds: seconds, meta: {} })
  })

  test.each(['', '0', '36001', '-1', '1.5', 'long'])('maxDurationSeconds %j is refused', (value) => {
    expect(refusal(`maxDurationSeconds ${b64(value)}`)).toMatch(/^bad_request: .*maxDurationSeconds must be/)
  })

  test('expiry must lie in the future, as far as it likes', () => {
    expect(parse(`expiry ${b64('2026-11-20T18:00:00.000001Z')}`).expiryUs).toBe(NOW_US + 1)
    expect(parse(`Expiry ${b64('2126-01-01T00:00:00+02:00')}`).expiryUs).toBe(
      Date.UTC(2125, 11, 31, 22) * 1000,
    )
    expect(refusal(`expiry ${b64('2026-11-20T18:00:00Z')}`)).toMatch(/^bad_request: .*future/)
    expect(refusal(`expiry ${b64('2024-01-31T08:00:00Z')}`)).toMatch(/^bad_request: .*future/)
    expect(refusal(`expiry ${b64('soon')}`)).toMatch(/^bad_request: /)
  })

  test('scheduleddeletion lies 30 to 1,096 days ahead', () => {
    const at = (days: number, extraUs = 0) =>
      `scheduledDeletion ${b64(new Date((NOW_US + days * DAY_US) / 1000 + extraUs).toISOString())}`
    expect(parse(at(30)).scheduledDeletionUs).toBe(NOW_US + 30 * DAY_US)
    expect(parse(at(1_096)).scheduledDeletionUs).toBe(NOW_US + 1_096 * DAY_US)
    expect(refusal(at(30, -1))).toMatch(/^scheduled_deletion_out_of_range: .*30 and 1096 days/)
    expect(refusal(at(1_096, 1))).toMatch(/^scheduled_deletion_out_of_range: .*30 and 1096 days/)
    expect(refusal(`scheduleddeletion ${b64('next year')}`)).toMatch(/^bad_request: /)
  })

  test('watermark names a profile and is no meta', () => {
    expect(parse(`Watermark ${b64('7d1f0c5ab2e94c3d8a6f41e07b9c2d30')}`)).toMatchObject({
      watermark: '7d1f0c5ab2e94c3d8a6f41e07b9c2d30',
      meta: {},
    })
  })

  test('any other key goes into meta as it is spelled, even an odd one', () => {
    const { meta } = parse(`fileType ${b64('video/mp4')},__proto__ ${b64('x')},relativePath ${b64('a/b')}`)
    expect(JSON.stringify(meta)).toBe('{"fileType":"video/mp4","__proto__":"x","relativePath":"a/b"}')
  })
})

test('what Uppy sends ends in meta', () => {
  const header = ['relativePath null', 'name a.mp4', 'type video/mp4', 'filetype video/mp4', 'filename a.mp4']
    .map((pair) => pair.split(' '))
    .map(([key, value = '']) => `${key} ${b64(value)}`)
    .join(',')
  expect(parse(header).meta).toEqual({
    relativePath: 'null',
    name: 'a.mp4',
    type: 'video/mp4',
    filetype: 'video/mp4',
    filename: 'a.mp4',
  })
})

test('whatever is sent is read or refused by name, never anything else', () => {
  const random = mulberry32(20_261_120)
  const pieces = [
    'name',
    'NAME',
    ' ',
    ',',
    '=',
    'YQ==',
    'requiresignedurls',
    'expiry',
    'maxDurationSeconds',
    'OTAw',
    '\t',
    'ÿ',
    'MA==',
    'allowedorigins',
    'WyJhIl0=',
    'scheduleddeletion',
    '*',
    '\u0000',
    '\u00a0',
    '\u3000',
    'thumbnailtimestamppct',
    'null',
  ]
  for (let round = 0; round < 20_000; round += 1) {
    let header = ''
    const count = 1 + Math.floor(random() * 12)
    for (let piece = 0; piece < count; piece += 1)
      header += pieces[Math.floor(random() * pieces.length)] ?? ''
    try {
      const { meta } = parse(header)
      // HEAD tells it.
      validateHeaderValue('Upload-Metadata', givenMetadata(header) ?? '')
      for (const value of Object.values(meta)) expect(typeof value).toBe('string')
    } catch (error) {
      expect(
        isFailure(error, 'bad_request') || isFailure(error, 'scheduled_deletion_out_of_range'),
        header,
      ).toBe(true)
    }
  }
})

test('what a client encodes is what is read', () => {
  const random = mulberry32(7)
  for (let round = 0; round < 2_000; round += 1) {
    const value = Array.from({ length: Math.floor(random() * 20) }, () =>
      String.fromCodePoint(Math.floor(random() * 0xd7ff)),
    ).join('')
    expect(parse(`title ${b64(value)}`).meta).toEqual({ title: value })
  }
})

/** A small seeded generator, so that a failure can be repeated. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

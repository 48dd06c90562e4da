import { expect, test } from 'vitest'
import {
  checkCreator,
  checkMaxDurationSeconds,
  checkMeta,
  checkScheduledDeletion,
  checkThumbnailTimestampPct,
  checkUploadExpiry,
  mergePublicDetails,
} from './video-fields.ts'
import type { JsonObject } from './video.ts'

const CREATED_US = 1_795_197_600_000_000
const DAY_US = 86_400_000_000
const daysLater = (days: number) => CREATED_US + days * DAY_US
/** So many objects (or lists in one object) within each other. */
const nested = (levels: number, [open, close] = ['{"a":', '}']): JsonObject =>
  JSON.parse(`{"a":${open.repeat(levels - 1)}1${close.repeat(levels - 1)}}`)

test.each<[string, () => unknown, unknown]>([
  ['a creator of 64 characters, however many bytes', () => checkCreator('⚓'.repeat(64)), '⚓'.repeat(64)],
  ['an empty creator as none', () => checkCreator(''), null],
  ['no creator', () => checkCreator(null), null],
  ['meta of exactly 32 KiB', () => checkMeta({ a: 'x'.repeat(32_768 - 8) }), { a: 'x'.repeat(32_760) }],
  ['meta of 100 levels', () => JSON.stringify(checkMeta(nested(100))), JSON.stringify(nested(100))],
  ['both ends of the thumbnail share', () => [0, 1].map(checkThumbnailTimestampPct), [0, 1]],
  ['both ends of the duration', () => [1, 36_000].map(checkMaxDurationSeconds), [1, 36_000]],
  ['an expiry in a microsecond', () => checkUploadExpiry(6, 5), 6],
  [
    'both ends of the scheduled deletion',
    () => [30, 1_096].map((days) => checkScheduledDeletion(daysLater(days), CREATED_US)),
    [daysLater(30), daysLater(1_096)],
  ],
  ['no scheduled deletion', () => checkScheduledDeletion(null, CREATED_US), null],
  [
    'public details, member by member',
    () =>
      mergePublicDetails(
        { title: 'a', logo: 'https://x.example/l' },
        { title: null, share_link: 'http://y.example' },
      ),
    { title: null, share_link: 'http://y.example', channel_link: null, logo: 'https://x.example/l' },
  ],
])('accepts %s', (_, check, expected) => {
  expect(check()).toEqual(expected)
})

test.each<[string, () => unknown, RegExp]>([
  ['a creator of 65 characters', () => checkCreator('x'.repeat(65)), /^creator may have at most 64 .* 65\.$/],
  ['meta beyond 32 KiB', () => checkMeta({ a: 'ä'.repeat(20_000) }), /^meta may have at most 32768 bytes/],
  ['meta of 101 levels', () => checkMeta(nested(101)), /^meta may have at most 100 levels/],
  [
    'meta of lists within lists',
    () => checkMeta(nested(9_000, ['[', ']'])),
    /^meta may have at most 100 levels/,
  ],
  ['a negative share', () => checkThumbnailTimestampPct(-0.1), /^thumbnailTimestampPct/],
  ['a share that is no number', () => checkThumbnailTimestampPct(Number.NaN), /^thumbnailTimestampPct/],
  ['half a second', () => checkMaxDurationSeconds(0.5), /^maxDurationSeconds/],
  ['more than ten hours', () => checkMaxDurationSeconds(36_001), /^maxDurationSeconds .* not 36001\.$/],
  ['an expiry now', () => checkUploadExpiry(5, 5), /^uploadExpiry must be in the future/],
  [
    'a link that is none',
    () => mergePublicDetails(null, { logo: 'javascript:alert(1)' }),
    /^publicDetails\.logo must be an http/,
  ],
  [
    'a link too long',
    () => mergePublicDetails(null, { share_link: `https://x.example/${'x'.repeat(2_048)}` }),
    /^publicDetails\.share_link may have at most 2048/,
  ],
])('refuses %s in a sentence that names the field', (_, check, sentence) => {
  expect(check).toThrow(sentence)
  expect(check).toThrow(expect.objectContaining({ code: 'bad_request' }))
})

test.each([30 - 1e-9, 1_096 + 1e-9])('refuses a deletion %d days after the creation', (days) => {
  const check = () => checkScheduledDeletion(Math.round(daysLater(days)), CREATED_US)
  expect(check).toThrow(expect.objectContaining({ code: 'scheduled_deletion_out_of_range' }))
})

import { expect, test } from 'vitest'
import { parseFileName } from './file-name.ts'

const UID = '7d1f0c5ab2e94c3d8a6f41e07b9c2d30'

test.each([
  [null, UID],
  ['', UID],
  ['Harbour_tour-2', 'Harbour_tour-2'],
  ['MY_VIDEO.mp4', 'MY_VIDEO'],
  ['MY_VIDEO.M4A', 'MY_VIDEO'],
  ['mp4', 'mp4'],
  ['a'.repeat(120), 'a'.repeat(120)],
  [`${'a'.repeat(120)}.mp4`, 'a'.repeat(120)],
])('%s names the file %s', (asked, name) => {
  expect(parseFileName(asked, UID)).toBe(name)
})

test.each(['a'.repeat(121), '.mp4', 'a.mp4.mp4', 'a.webm', 'a b', 'a/b', 'ä', 'a"b', 'a\n', '%61'])(
  '%j is refused',
  (asked) => {
    expect(() => parseFileName(asked, UID)).toThrow(/filename/)
  },
)

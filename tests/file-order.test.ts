import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LONG_FILES, sortEvenly } from './harness/file-order.ts'

test('every file whose time is known exists', () => {
  const missing = Object.keys(LONG_FILES).filter((file) => !existsSync(join(import.meta.dirname, '..', file)))
  expect(missing).toEqual([])
})

test('each project begins with its longest file, and all go on at their own pace', () => {
  const seconds: Readonly<Record<string, number>> = { a1: 5, a2: 90, a3: 5, b1: 5, b2: 5, b3: 10, c1: 5 }
  const sorted = sortEvenly(Object.keys(seconds), {
    project: (file) => file.slice(0, 1),
    seconds: (file) => seconds[file] ?? 0,
  })
  expect(sorted).toEqual(['a2', 'b3', 'c1', 'b1', 'b2', 'a1', 'a3'])
})

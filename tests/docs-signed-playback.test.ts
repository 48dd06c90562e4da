import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkCitedTests } from './architecture/cited-tests.ts'

test('docs/signed-playback.md names for every rule tests that exist', () => {
  const page = readFileSync(new URL('../docs/signed-playback.md', import.meta.url), 'utf8')
  const { rows, wrong } = checkCitedTests(page)
  expect(wrong).toEqual([])
  expect(rows).toBeGreaterThan(30)
})

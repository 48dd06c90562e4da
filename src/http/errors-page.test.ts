import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { formatErrorsPage } from './errors-page.ts'

test('docs/errors.md is what `npm run docs` makes', () => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  expect(page).toBe(formatErrorsPage())
})

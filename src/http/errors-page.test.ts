import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ERRORS } from './errors.ts'
import { formatErrorsPage } from './errors-page.ts'

test('docs/errors.md is what `npm run docs` makes', () => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  expect(page).toBe(formatErrorsPage())
})

test('every failure has its row, and no cell breaks it', () => {
  const lines = formatErrorsPage().split('\n')
  const first = lines.findIndex((line) => line.startsWith('| HTTP |'))
  const table = lines.slice(first, lines.indexOf('', first))
  expect(table).toHaveLength(Object.keys(ERRORS).length + 2)
  expect(table.every((line) => line.startsWith('|') && line.endsWith('|'))).toBe(true)
})

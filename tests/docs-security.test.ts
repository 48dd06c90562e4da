import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkCitedTests } from './architecture/cited-tests.ts'

const page = readFileSync(new URL('../docs/security.md', import.meta.url), 'utf8')

test('docs/security.md names for every defence tests that exist', () => {
  // The table of who is feared says what must not be, the others what is defended.
  const { rows, wrong } = checkCitedTests(page.slice(page.indexOf('## HTTP')))
  expect(wrong).toEqual([])
  expect(rows).toBeGreaterThan(20)
})

test('docs/security.md names no file that is not there', () => {
  const named = [...page.matchAll(/`((?:src|tests|scripts)\/[\w/.-]+)`/g)].map(([, path = '']) => path)
  expect(named.filter((path) => !existsSync(new URL(`../${path}`, import.meta.url)))).toEqual([])
  expect(named.length).toBeGreaterThan(10)
})

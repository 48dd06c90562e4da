import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findMissing, type LockPackages } from '../scripts/complete-lock.ts'

const text = readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')
const { packages } = JSON.parse(text) as { packages: LockPackages }

test('package-lock.json names every package of every system, else `npm ci` refuses it (scripts/complete-lock.ts)', () => {
  expect(Object.keys(findMissing(packages))).toEqual([])
})

test('package-lock.json names no registry', () => {
  expect(text).not.toMatch(/"resolved"/)
})

test('package.json pins every version exactly', () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as Record<string, Record<string, string>>
  const ranges = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
  expect(ranges.filter(([, version]) => !/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+$/.test(version))).toEqual([])
})

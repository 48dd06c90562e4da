import { describe, expect, test } from 'vitest'
import { ERRORS } from './errors.ts'

describe('the table', () => {
  test('numbers are at least 1000 and statuses are failures', () => {
    for (const row of Object.values(ERRORS)) {
      expect(row.number).toBeGreaterThanOrEqual(1000)
      expect(row.status).toBeGreaterThanOrEqual(400)
    }
  })

  test('a conflict that repeating cannot mend says so to the SDK', () => {
    expect(ERRORS.conflict.headers).toEqual({ 'x-should-retry': 'false' })
    expect(ERRORS.not_built_yet).toMatchObject({ status: 501, headers: { 'x-should-retry': 'false' } })
  })
})

import { describe, expect, test } from 'vitest'
import { TestClock } from '../../../tests/suites/test-clock.ts'
import { createFetcher } from '../../adapters/fetch/guarded-fetch.ts'
import type { ResolveName } from '../../adapters/fetch/resolve-name.ts'
import { checkTarget } from './check-target.ts'

function check(resolve: ResolveName, options: { clock?: TestClock; allowPrivate?: boolean } = {}) {
  const { clock = new TestClock(), allowPrivate = false } = options
  const fetcher = createFetcher({ allowPrivate, resolve })
  return checkTarget({ fetcher, clock }, 'https://hooks.example.com/path', 'notificationUrl')
}

const answer =
  (...addresses: string[]): ResolveName =>
  async () =>
    addresses

describe('the host of a webhook', () => {
  test('may have public addresses only', async () => {
    await check(answer('93.184.216.34', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'))
    await expect(check(answer('93.184.216.34', '10.0.0.7'))).rejects.toMatchObject({
      code: 'bad_request',
      facts: { field: 'notificationUrl' },
      message: expect.stringMatching(/^notificationUrl cannot be called: hooks\.example\.com resolves to an/),
    })
    await expect(check(answer('10.0.0.7'))).rejects.toThrow('HEADWATER_ALLOW_PRIVATE_FETCH')
    await check(answer('10.0.0.7'), { allowPrivate: true })
  })

  test('need not have any yet: calls look again', async () => {
    await check(answer())
    await check(async () => {
      throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
    })
  })

  test('whose name server is silent is waited for three seconds', async () => {
    const clock = new TestClock()
    const checked = check(() => new Promise(() => undefined), { clock })
    clock.advance(2_999)
    expect(clock.sleepers).toBe(1)
    clock.advance(1)
    await checked
  })
})

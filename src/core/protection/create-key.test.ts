/** The key the service signs with by itself. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { strangersKey } from '../../../tests/harness/sign-token.ts'
import { openTestDatabase, type TestDatabase } from '../../../tests/suites/open-test-database.ts'
import { TestClock } from '../../../tests/suites/test-clock.ts'
import { OwnKeys } from './create-key.ts'
import { signToken } from './create-token.ts'
import { listSigningKeys } from './signing-key-records.ts'
import { Tokens } from './verify-token.ts'

const clock = new TestClock()
let database: TestDatabase
let made = 0

beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.remove())

/** As a process that was started with this sealing key. */
function ownKeys(sealingKey: string) {
  const newRsaKey = () => {
    made += 1
    return Promise.resolve(strangersKey().export({ type: 'pkcs1', format: 'pem' }).toString())
  }
  return new OwnKeys({ db: database.db, clock, newRsaKey, sealingKey })
}

async function sign(keys: OwnKeys, accountId: string) {
  const { kid, privateKey } = await keys.signer(accountId)
  const payload = { sub: 'b'.repeat(32), exp: clock.nowUs() / 1_000_000 + 60 }
  return { kid, token: await signToken(privateKey, { header: { alg: 'RS256', kid }, payload }) }
}

describe('the service’s own key', () => {
  test('is one per account, also for those who ask at once, and is not listed', async () => {
    made = 0
    const keys = ownKeys(clock.newSecret(32))
    const [first, second, other] = await Promise.all(
      ['1', '1', '2'].map((digit) => sign(keys, digit.repeat(32))),
    )
    expect(first?.kid).toBe(second?.kid)
    expect(other?.kid).not.toBe(first?.kid)
    expect(made).toBe(2)
    expect(await listSigningKeys(database.db, '1'.repeat(32))).toEqual([])
  })

  test('is found again by the next process', async () => {
    made = 0
    const sealingKey = clock.newSecret(32)
    const before = await sign(ownKeys(sealingKey), '3'.repeat(32))
    const after = await sign(ownKeys(sealingKey), '3'.repeat(32))
    expect(after.kid).toBe(before.kid)
    expect(made).toBe(1)
  })

  test('is made anew where it cannot be opened any more, and what the old one signed stays good', async () => {
    const accountId = '4'.repeat(32)
    const before = await sign(ownKeys(clock.newSecret(32)), accountId)
    const after = await sign(ownKeys(clock.newSecret(32)), accountId)
    expect(after.kid).not.toBe(before.kid)
    const tokens = new Tokens({ db: database.db, clock })
    expect(await tokens.verify(before.token)).toMatchObject({ accountId })
    expect(await tokens.verify(after.token)).toMatchObject({ accountId })
  })
})

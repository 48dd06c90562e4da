/** What changes under a token that was good a moment ago: the hour, its key, its video. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signJwt, strangersKey } from '../../../tests/harness/sign-token.ts'
import { openTestDatabase, type TestDatabase } from '../../../tests/suites/open-test-database.ts'
import { TestClock } from '../../../tests/suites/test-clock.ts'
import { publicPemOf } from './create-key.ts'
import { deleteSigningKey, insertSigningKey } from './signing-key-records.ts'
import { Tokens } from './verify-token.ts'

const ACCOUNT = 'a'.repeat(32)
const UID = 'b'.repeat(32)
const privateKey = strangersKey()

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.remove())

/** A verifier with a clock of its own, a key of its own, and a token that is good for a hundred seconds. */
async function arrange() {
  const clock = new TestClock()
  const { db } = database
  const kid = clock.newUid()
  const key = {
    id: kid,
    accountId: ACCOUNT,
    createdUs: 1,
    publicPem: publicPemOf(privateKey),
    sealedPem: null,
  }
  await db.transaction().execute((trx) => insertSigningKey(trx, key))
  const tokens = new Tokens({ db, clock })
  const now = clock.nowUs() / 1_000_000
  const sign = (payload: object = {}, signer = privateKey) =>
    signJwt({ header: { kid }, payload: { sub: UID, exp: now + 100, ...payload }, key: signer })
  const segment = (token: string) => tokens.verify(token, { recentEnough: true })
  return { clock, db, tokens, now, sign, segment, revoke: () => deleteSigningKey(db, ACCOUNT, kid) }
}

const refused = (sentence: string) =>
  expect.objectContaining({
    code: 'playback_token_required',
    message: expect.stringContaining(sentence) as string,
  }) as Error

describe('a verified token', () => {
  test('ends to the microsecond, however often it was verified', async () => {
    const { clock, tokens, sign, segment } = await arrange()
    const token = sign()
    expect(await tokens.verify(token)).toMatchObject({ accountId: ACCOUNT, uid: UID, secondsLeft: 100 })
    clock.advance(99_999.999)
    expect((await segment(token)).secondsLeft).toBeCloseTo(0.000_001)
    clock.advance(0.001)
    await expect(segment(token)).rejects.toEqual(refused('has expired'))
    await expect(tokens.verify(token)).rejects.toEqual(refused('has expired'))
  })

  test('begins a minute before its nbf, and says so until then', async () => {
    const { clock, now, sign, segment } = await arrange()
    const token = sign({ nbf: now + 90 })
    await expect(segment(token)).rejects.toEqual(refused('is not valid yet'))
    clock.advance(30_000)
    expect(await segment(token)).toMatchObject({ uid: UID })
  })

  test('may last a day and a minute from now on, and becomes good when that is near enough', async () => {
    const { clock, now, sign, tokens } = await arrange()
    expect(await tokens.verify(sign({ exp: now + 86_460 }))).toMatchObject({ uid: UID })
    const longer = sign({ exp: now + 86_461 })
    await expect(tokens.verify(longer)).rejects.toEqual(refused('more than 24 hours'))
    clock.advance(1_000)
    expect(await tokens.verify(longer)).toMatchObject({ uid: UID })
  })

  test('dies with its key: for a manifest at once, for segments within a second', async () => {
    const { clock, tokens, sign, segment, revoke } = await arrange()
    const token = sign()
    await segment(token)
    clock.advance(500)
    await revoke()
    clock.advance(499)
    expect(await segment(token)).toMatchObject({ uid: UID })
    clock.advance(1)
    await expect(segment(token)).rejects.toEqual(refused('does not exist'))
    await expect(tokens.verify(token)).rejects.toEqual(refused('does not exist'))
  })

  test('is refused to segments, too, once a manifest has found its key gone', async () => {
    const { tokens, sign, segment, revoke } = await arrange()
    const token = sign()
    await segment(token)
    await revoke()
    await expect(tokens.verify(token)).rejects.toEqual(refused('does not exist'))
    await expect(segment(token)).rejects.toEqual(refused('does not exist'))
  })

  test('does not lend its good name to one that only looks like it', async () => {
    const { tokens, sign } = await arrange()
    const good = sign()
    await tokens.verify(good)
    await expect(tokens.verify(sign({}, strangersKey()))).rejects.toEqual(refused('wrong signature'))
    const [header, , signature] = good.split('.')
    const payload = sign({ sub: 'c'.repeat(32) }).split('.')[1]
    await expect(tokens.verify(`${header}.${payload}.${signature}`)).rejects.toEqual(
      refused('wrong signature'),
    )
  })

  test('says what its claims allow', async () => {
    const { tokens, sign } = await arrange()
    expect(await tokens.verify(sign())).toMatchObject({ downloadable: false, original: false, rules: [] })
    const more = sign({
      downloadable: true,
      flags: { original: true },
      accessRules: [{ type: 'any', action: 'block' }],
    })
    expect(await tokens.verify(more)).toMatchObject({
      downloadable: true,
      original: true,
      rules: [{ type: 'any' }],
    })
    const odd = sign({ downloadable: 'true', flags: { original: 1 } })
    expect(await tokens.verify(odd)).toMatchObject({ downloadable: false, original: false })
  })
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase, type OpenedDatabase } from '../../adapters/sql/open-database.ts'
import { systemClock } from '../../adapters/system/clock.ts'
import type { Clock } from '../../ports.ts'
import {
  accountExists,
  checkAllowedOrigins,
  createApiToken,
  createSession,
  endSession,
  keepAccount,
  listApiTokens,
  revokeApiToken,
  SESSION_SECONDS,
  SignInCodes,
  verifyApiToken,
  verifySession,
} from './index.ts'

const ACCOUNT = 'a'.repeat(32)

let folder: string
let opened: OpenedDatabase
let aheadUs = 0
const real = systemClock()
const clock: Clock = {
  ...real,
  nowUs: () => real.nowUs() + aheadUs,
  monotonicMs: () => real.monotonicMs() + aheadUs / 1000,
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-access-'))
  opened = await openDatabase({ file: join(folder, 'headwater.db') })
  await keepAccount(opened.db, clock, { id: ACCOUNT, name: 'mine' })
  await keepAccount(opened.db, clock, { id: 'c'.repeat(32), name: 'another' })
})
afterAll(async () => {
  await opened.close()
  await rm(folder, { recursive: true, force: true })
})

describe('an API token', () => {
  test('is shown once, stored hashed, and says who its holder is', async () => {
    const { db } = opened
    const { id, token } = await createApiToken(db, clock, {
      accountId: ACCOUNT,
      name: 'mine',
      permission: 'write',
    })
    expect(token).toMatch(/^[A-Za-z0-9_-]{40}$/)
    expect(await verifyApiToken(db, token)).toEqual({ accountId: ACCOUNT, permission: 'write', tokenId: id })
    expect(await verifyApiToken(db, `${token}x`)).toBeUndefined()
    const rows = await db.selectFrom('api_tokens').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain(token)
    expect(await accountExists(db, ACCOUNT)).toBe(true)
    expect(await accountExists(db, 'b'.repeat(32))).toBe(false)
  })

  test('is refused from the moment of its revocation, remembered or not', async () => {
    const { db } = opened
    const { id, token } = await createApiToken(db, clock, {
      accountId: ACCOUNT,
      name: 'old',
      permission: 'read',
    })
    expect(await verifyApiToken(db, token, clock)).toMatchObject({ permission: 'read' })
    const tokens = await listApiTokens(db, ACCOUNT)
    expect(tokens.find((each) => each.id === id)).toMatchObject({ name: 'old', revokedUs: null })
    await revokeApiToken(db, clock, ACCOUNT, id)
    expect(await verifyApiToken(db, token, clock)).toBeUndefined()
    await revokeApiToken(db, clock, ACCOUNT, id)
    expect((await listApiTokens(db, ACCOUNT)).find((each) => each.id === id)?.revokedUs).toBeGreaterThan(0)
    await expect(revokeApiToken(db, clock, 'b'.repeat(32), id)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('revoked by another process is refused within seconds', async () => {
    const { db } = opened
    const { id, token } = await createApiToken(db, clock, {
      accountId: ACCOUNT,
      name: 'far',
      permission: 'read',
    })
    await verifyApiToken(db, token, clock)
    await db.updateTable('api_tokens').set({ revoked_us: 1 }).where('id', '=', id).execute()
    aheadUs += 6_000_000
    expect(await verifyApiToken(db, token, clock)).toBeUndefined()
  })

  test('that is fixed by a setting is made once', async () => {
    const { db } = opened
    const fixed = {
      accountId: ACCOUNT,
      name: 'fixed',
      permission: 'write',
      secret: 'chosen-by-hand',
    } as const
    const first = await createApiToken(db, clock, fixed)
    expect(await createApiToken(db, clock, fixed)).toEqual(first)
    await expect(createApiToken(db, clock, { ...fixed, accountId: 'c'.repeat(32) })).rejects.toMatchObject({
      code: 'conflict',
    })
  })
})

describe('a session', () => {
  test('lasts thirty days, or until it is ended', async () => {
    const { db } = opened
    const secret = await createSession(db, clock, ACCOUNT)
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(await verifySession(db, clock, secret)).toEqual({
      accountId: ACCOUNT,
      permission: 'write',
      tokenId: 'session',
    })
    aheadUs += (SESSION_SECONDS - 1) * 1_000_000
    expect(await verifySession(db, clock, secret)).toBeDefined()
    aheadUs += 2_000_000
    expect(await verifySession(db, clock, secret)).toBeUndefined()
    const second = await createSession(db, clock, ACCOUNT)
    await endSession(db, second)
    expect(await verifySession(db, clock, second)).toBeUndefined()
    await endSession(db, second)
  })

  test('begins with a code that is good once and for ten minutes', () => {
    const codes = new SignInCodes(clock)
    const code = codes.issue(ACCOUNT)
    expect(codes.redeem(code)).toBe(ACCOUNT)
    expect(codes.redeem(code)).toBeUndefined()
    const late = codes.issue(ACCOUNT)
    aheadUs += 600_000_000
    expect(codes.redeem(late)).toBeUndefined()
    expect(codes.redeem('unknown')).toBeUndefined()
  })

  test('codes do not pile up: the oldest dies', () => {
    const codes = new SignInCodes(clock)
    const first = codes.issue(ACCOUNT)
    const others = Array.from({ length: 1_000 }, () => codes.issue(ACCOUNT))
    expect(codes.redeem(first)).toBeUndefined()
    expect(codes.redeem(others.at(-1) ?? '')).toBe(ACCOUNT)
    expect(codes.redeem(others[0] ?? '')).toBe(ACCOUNT)
  })
})

describe('allowed origins', () => {
  test.each([
    ['example.com', 'example.com'],
    ['EXAMPLE.com', 'example.com'],
    ['*.example.com', '*.example.com'],
    ['https://example.com', 'example.com'],
    ['localhost:3000', 'localhost:3000'],
    ['127.0.0.1:8080', '127.0.0.1:8080'],
    ['[::1]:8080', '[::1]:8080'],
    ['*', '*'],
  ])('%s is stored as %s', (written, stored) => {
    expect(checkAllowedOrigins([written])).toEqual([stored])
  })

  test.each([
    '',
    ' ',
    'example.com/',
    'example.com/a',
    'a.*.com',
    '**.a.com',
    'a b.com',
    'a.com:',
    'a.com:99999',
    'ftp://a.com',
  ])('%j is refused', (written) => {
    expect(() => checkAllowedOrigins([written])).toThrow('allowedOrigins takes hosts')
  })

  test('at most a hundred', () => {
    const hosts = Array.from({ length: 101 }, (_, at) => `h${at}.example.com`)
    expect(checkAllowedOrigins(hosts.slice(1))).toHaveLength(100)
    expect(() => checkAllowedOrigins(hosts)).toThrow('at most 100 entries')
  })
})

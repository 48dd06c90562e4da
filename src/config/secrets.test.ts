import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSecrets } from './secrets.ts'

let dataDir = ''

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'headwater-secrets-'))
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

const UID = '0123456789abcdef0123456789abcdef'

function open(given: { accountId?: string; apiToken?: string } = {}, made = UID) {
  return openSecrets({
    dataDir,
    accountId: given.accountId ?? null,
    apiToken: given.apiToken ?? null,
    newUid: () => made,
    newSecret: (bytes) => 's'.repeat(Math.ceil((bytes * 4) / 3)),
  })
}

test('the first start makes them, the second finds them', async () => {
  const first = await open()
  expect(first).toEqual({
    accountId: UID,
    apiToken: 's'.repeat(40),
    apiTokenFile: join(dataDir, 'api-token'),
    apiTokenIsNew: true,
    sealingKey: 's'.repeat(43),
  })
  expect(await open({}, 'f'.repeat(32))).toEqual({ ...first, apiTokenIsNew: false })
})

test('only the owner can read the files', async () => {
  await open()
  for (const name of ['account-id', 'api-token', 'sealing-key']) {
    expect((await stat(join(dataDir, name))).mode & 0o777).toBe(0o600)
  }
})

test('the environment wins, and its token is written nowhere', async () => {
  const given = await open({ accountId: 'a'.repeat(32), apiToken: 'token-from-outside' })
  expect(given).toMatchObject({
    accountId: 'a'.repeat(32),
    apiToken: 'token-from-outside',
    apiTokenFile: null,
  })
  await expect(readFile(join(dataDir, 'api-token'))).rejects.toThrow('ENOENT')
  expect((await open()).accountId).toBe('a'.repeat(32))
})

test('a file that holds something else is told, not replaced', async () => {
  await writeFile(join(dataDir, 'account-id'), '')
  await expect(open()).rejects.toThrow(/account-id holds nothing, expected 32 lower-case/)
})

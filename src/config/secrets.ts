/**
 * The account id, the first API token and the sealing key. Made at the first start and kept in the data folder, each in a file that only
 * its owner can read. A file appears whole or not at all (written beside, synced, renamed), so a crash leaves at most a
 * `.new` file, which the next start overwrites.
 */

import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HeadwaterError } from '../lib/failure.ts'
import { SEALING_KEY_BYTES } from '../lib/seal.ts'

/** Name of the account id's file in the data folder. */
export const ACCOUNT_ID_FILE = 'account-id'
/** Name of the API token's file in the data folder. */
export const API_TOKEN_FILE = 'api-token'

/** Name of the sealing key's file in the data folder. */
export const SEALING_KEY_FILE = 'sealing-key'

/** What the program signs in its users with, and keeps its own keys under. */
export type Secrets = {
  /** 32 lower-case hexadecimal characters. */
  readonly accountId: string
  readonly apiToken: string
  /** Where the token lies; null when the environment gave it (then it is written nowhere). */
  readonly apiTokenFile: string | null
  /** Whether this start made the token; then the start shows it, once. */
  readonly apiTokenIsNew: boolean
  /** 32 bytes as base64url: seals what lies in the database and must not leak with a copy of it. */
  readonly sealingKey: string
}

/** What `openSecrets` needs: where, what the environment fixed, and randomness. */
export type SecretsRequest = {
  readonly dataDir: string
  readonly accountId: string | null
  readonly apiToken: string | null
  /** 128 random bits as 32 hexadecimal characters. */
  readonly newUid: () => string
  /** `bytes` random bytes as base64url. */
  readonly newSecret: (bytes: number) => string
}

/**
 * Reads the secrets, or makes those that are missing. What the environment fixed wins over the files. Call it once, with
 * the data folder locked. Throws `setting_invalid` when a file holds something else than it should.
 */
export async function openSecrets(request: SecretsRequest): Promise<Secrets> {
  await mkdir(request.dataDir, { recursive: true, mode: 0o700 })
  const accountFile = join(request.dataDir, ACCOUNT_ID_FILE)
  const tokenFile = join(request.dataDir, API_TOKEN_FILE)
  const sealingFile = join(request.dataDir, SEALING_KEY_FILE)

  const keptAccount = await readSecret(accountFile, /^[0-9a-f]{32}$/, '32 lower-case hexadecimal characters')
  const accountId = request.accountId ?? keptAccount ?? request.newUid()
  if (keptAccount === undefined) await writeSecret(accountFile, accountId)

  const keptSealingKey = await readSecret(sealingFile, /^[\w-]{43}$/, 'one sealing key of 43 characters')
  const sealingKey = keptSealingKey ?? request.newSecret(SEALING_KEY_BYTES)
  if (keptSealingKey === undefined) await writeSecret(sealingFile, sealingKey)

  if (request.apiToken !== null) {
    const { apiToken } = request
    return { accountId, apiToken, apiTokenFile: null, apiTokenIsNew: false, sealingKey }
  }
  const keptToken = await readSecret(tokenFile, /^[!-~]{8,512}$/, 'one API token')
  const apiToken = keptToken ?? request.newSecret(30)
  if (keptToken === undefined) await writeSecret(tokenFile, apiToken)
  const apiTokenIsNew = keptToken === undefined
  return { accountId, apiToken, apiTokenFile: tokenFile, apiTokenIsNew, sealingKey }
}

/** The trimmed text of a secret's file; undefined when there is none. */
export async function readSecret(
  file: string,
  pattern: RegExp,
  expects: string,
): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const secret = text.trim()
  if (pattern.test(secret)) return secret
  throw new HeadwaterError(
    'setting_invalid',
    `${file} holds ${secret === '' ? 'nothing' : `${secret.length} other characters`}, expected ${expects}: restore it, or remove it to have a new one made.`,
  )
}

async function writeSecret(file: string, secret: string): Promise<void> {
  const draft = `${file}.new`
  const handle = await open(draft, 'w', 0o600)
  try {
    await chmod(draft, 0o600)
    await handle.writeFile(`${secret}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
  const folder = await open(dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

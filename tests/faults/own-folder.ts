/** A folder for one test, and the environment of a program that works in it. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Access } from './tus-lines.ts'

/** The account and the token of every program in these tests. */
export const CREDENTIALS = {
  accountId: 'fedcba9876543210fedcba9876543210',
  token: 'fault-token-of-no-value',
} as const satisfies Omit<Access, 'url'>

/** Settings of a program on `dataDir` and a free port, with these credentials. */
export function environmentOf(dataDir: string): Record<string, string> {
  return {
    HEADWATER_PORT: '0',
    HEADWATER_RTMP_PORT: '0',
    HEADWATER_RTMPS_PORT: '0',
    HEADWATER_WEBRTC_PORT: '0',
    HEADWATER_SRT_PORT: 'off',
    HEADWATER_DATA_DIR: dataDir,
    HEADWATER_ACCOUNT_ID: CREDENTIALS.accountId,
    HEADWATER_API_TOKEN: CREDENTIALS.token,
    HEADWATER_MIN_FREE_BYTES: '0',
    HEADWATER_LOG_LEVEL: 'warn',
  }
}

/** Calls `use` with a new folder, which is removed afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-faults-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Our server on a folder of its own, as a process that can be measured. */

import { type Program, startProgram } from '../tests/faults/program.ts'
import type { Endpoint } from './tus-sender.ts'

/** Its account. */
export const ACCOUNT_ID = 'b'.repeat(32)
const TOKEN = 'token-of-the-benchmark'

/** Starts it; whoever does must kill it. */
export function startOwnServer(dataDir: string, env: Readonly<Record<string, string>> = {}): Program {
  return startProgram(['serve'], {
    HEADWATER_DATA_DIR: dataDir,
    HEADWATER_PORT: '0',
    HEADWATER_RTMP_PORT: '0',
    HEADWATER_RTMPS_PORT: '0',
    HEADWATER_WEBRTC_PORT: '0',
    HEADWATER_SRT_PORT: '0',
    HEADWATER_ACCOUNT_ID: ACCOUNT_ID,
    HEADWATER_API_TOKEN: TOKEN,
    HEADWATER_MIN_FREE_BYTES: '0',
    HEADWATER_LOG_LEVEL: 'error',
    ...env,
  })
}

/** Where uploads to a server at `url` are made. */
export function ownEndpoint(url: string): Endpoint {
  return { url: `${url}/client/v4/accounts/${ACCOUNT_ID}/stream`, token: TOKEN }
}

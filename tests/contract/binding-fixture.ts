/** What the tests of the binding share. */

import { expect } from 'vitest'
import { StreamBinding, type StreamBindingOptions, StreamError } from '../../src/binding/index.ts'
import type { ApiServer } from '../harness/api-server.ts'

/** An id that no video has. */
export const UNKNOWN = '0'.repeat(32)

/** A binding to `server` that may write, unless `options` say otherwise. */
export function bindTo(server: ApiServer, options: Partial<StreamBindingOptions> = {}): StreamBinding {
  const { apiUrl, accountId, token } = server
  return new StreamBinding({ baseURL: apiUrl, accountId, apiToken: token, ...options })
}

/** What a call throws. Fails when it succeeds or throws something else. */
export async function refusal(call: Promise<unknown>): Promise<StreamError> {
  const error: unknown = await call.then(
    (value) => expect.fail(`It succeeded with ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StreamError)
  return error as StreamError
}

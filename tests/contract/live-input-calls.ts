/** Calls about live inputs as HTTP has them, and a look behind the scenes. */

import { expect } from 'vitest'
import { type LiveReason, recordStatus } from '../../src/core/live-inputs/index.ts'
import type { ApiServer } from '../harness/api-server.ts'
import type { Envelope } from '../harness/raw-http.ts'

/** An id that nothing has. */
export const UNKNOWN = 'ea95132c15732412d22c1476fa83f27a'
export const UID = /^[0-9a-f]{32}$/
export const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/) as string

/** A live input as the API shows it, as far as the tests look at it. */
export type Input = {
  uid: string
  modified: string
  enabled: boolean
  keysRotatedAt?: string
  rtmps: { url: string; streamKey: string }
  recording: Record<string, unknown>
  status: unknown
}

/** The calls of the server that is there when they are made. */
export function liveInputCalls(find: () => ApiServer) {
  const call = async (method: string, path: string, body?: unknown) => {
    const { apiUrl, accountId, token } = find()
    const response = await fetch(`${apiUrl}/accounts/${accountId}/stream/live_inputs${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    })
    const envelope = (await response.json()) as Envelope & { total?: number; range?: number }
    return {
      status: response.status,
      headers: response.headers,
      ...envelope,
      result: envelope.result as Input,
    }
  }
  return {
    call,
    newInput: async (fields: object = {}): Promise<Input> => {
      const { result, status, errors } = await call('POST', '', fields)
      expect(status, JSON.stringify(errors)).toBe(200)
      return result
    },
    /** What a connection of an input or output would leave. */
    enter: (subject: string, reason: LiveReason) => {
      const server = find()
      return server.db.transaction().execute((trx) =>
        recordStatus(trx, server, subject, {
          state: reason === 'connected' ? 'connected' : 'disconnected',
          reason,
          protocol: 'rtmp',
        }),
      )
    },
  }
}

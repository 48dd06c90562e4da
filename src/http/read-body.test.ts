import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { readJsonBody } from './read-body.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('a JSON body that does not come within 30 s is 408, also one that goes on trickling', async () => {
  vi.useFakeTimers()
  const incoming = new IncomingMessage(new Socket())
  const refused = expect(readJsonBody(incoming, new ServerResponse(incoming))).rejects.toMatchObject({
    code: 'request_timeout',
    message: 'The body did not come within 30 s.',
  })
  for (let second = 0; second < 30; second += 1) {
    incoming.push(' ')
    await vi.advanceTimersByTimeAsync(1_000)
  }
  await refused
})

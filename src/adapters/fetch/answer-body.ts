/** The body of an answer, as it was sent, under the limits of time and size. */

import type { IncomingMessage } from 'node:http'
import { fetchFailed, toFetchFailure } from './fetch-failure.ts'

export type AnswerBodyOptions = {
  readonly host: string
  /** Longest pause between two pieces. Pauses of the reader do not count. */
  readonly stallMs: number
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/** Yields the pieces of the body; closes the connection when it is left. Throws as `FetchedAnswer.body` says. */
export async function* readAnswerBody(
  incoming: IncomingMessage,
  options: AnswerBodyOptions,
): AsyncGenerator<Uint8Array> {
  const { host, stallMs, maxBytes, signal } = options
  const stalled = () =>
    incoming.destroy(
      fetchFailed(`${host} sent nothing for ${stallMs / 1000} s in the middle of the file.`, {
        mayPass: true,
      }),
    )
  let timer = setTimeout(stalled, stallMs)
  let bytes = 0
  try {
    for await (const piece of incoming as AsyncIterable<Uint8Array>) {
      clearTimeout(timer)
      bytes += piece.byteLength
      if (bytes > maxBytes) throw tooLarge(host, maxBytes)
      yield piece
      timer = setTimeout(stalled, stallMs)
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw toFetchFailure(error, host)
  } finally {
    clearTimeout(timer)
    incoming.destroy()
  }
}

function tooLarge(host: string, maxBytes: number): Error {
  return fetchFailed(`${host} sends more than the ${maxBytes} bytes that are taken.`, { mayPass: false })
}

/** The `LiveSender` for outputs to other SRT servers. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { LiveSender } from '../../live-ports.ts'
import { FeedWriter } from './feed-writer.ts'
import type { SrtProcess } from './srt-process.ts'
import { readSrtTarget } from './target-url.ts'

/** Sends through the SRT process, which is started with the first output. */
export function createSrtSender(process: SrtProcess): LiveSender {
  return {
    schemes: ['srt'],
    async connect({ signal, onLost, ...given }) {
      const connection = await process.dial(readSrtTarget(given), signal)
      const writer = new FeedWriter({
        send: (bytes) => connection.send(bytes),
        end: () => connection.hangUp(),
      })
      connection.listen({
        full: () => writer.tellFull(),
        closed: () =>
          onLost(
            new HeadwaterError(
              'fetch_failed',
              'The SRT server closed the connection, or does not answer any more.',
              {
                facts: { mayPass: true },
              },
            ),
          ),
      })
      const close = async (): Promise<void> => connection.hangUp()
      return {
        format: (format) => writer.format(format),
        unit: (unit) => writer.unit(unit),
        gap: () => writer.gap(),
        end: () => writer.end(),
        close,
      }
    },
  }
}

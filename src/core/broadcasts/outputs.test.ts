import { beforeEach, describe, expect, test } from 'vitest'
import { TestClock } from '../../../tests/suites/test-clock.ts'
import { silentLog } from '../../lib/log.ts'
import type { LiveSender } from '../../live-ports.ts'
import type { LiveOutput } from '../live-inputs/index.ts'
import { LiveFeed } from './live-feed.ts'
import { Outputs } from './outputs.ts'
import type { Entered } from './statuses.ts'

const OUTPUT: LiveOutput = {
  uid: 'o1',
  inputUid: 'i1',
  url: 'rtmp://far.example/live',
  streamKey: 'secret',
  enabled: true,
  createdUs: 0,
}

let clock: TestClock
let entered: Entered[]
let listed: LiveOutput[]
let outputs: Outputs
/** When the far end was called, in seconds. */
let calls: number[]
let closed: number
/** What the far end does about a call. */
let answer: (target: Parameters<LiveSender['connect']>[0]) => Promise<void>

beforeEach(() => {
  clock = new TestClock()
  entered = []
  listed = [OUTPUT]
  calls = []
  closed = 0
  answer = async () => {}
  const startedMs = clock.monotonicMs()
  const feed = new LiveFeed((error) => {
    throw error
  })
  outputs = new Outputs({
    clock,
    log: silentLog,
    feed: () => feed,
    fetcher: { findAddresses: async () => ['192.0.2.1'] },
    list: async () => listed,
    statuses: { enter: (_, status) => entered.push(status) },
    senders: [
      {
        schemes: ['rtmp'],
        connect: async (target) => {
          calls.push((clock.monotonicMs() - startedMs) / 1000)
          await answer(target)
          return {
            format: () => {},
            unit: () => {},
            end: () => {},
            close: async () => void (closed += 1),
          }
        },
      },
    ],
  })
})

/** Everything that waits for nothing but promises has gone on. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** Time passes in steps of a tenth of a second. */
async function pass(seconds: number): Promise<void> {
  for (let tenth = 0; tenth < seconds * 10; tenth += 1) {
    clock.advance(100)
    await settled()
  }
}

const reasons = () => entered.map(({ reason }) => reason)

describe('an output that is not taken', () => {
  test('is tried again after 1, 2, 4, 8, 16 and then every 30 seconds, and told once', async () => {
    answer = () => Promise.reject(new Error('refused'))
    outputs.start()
    await settled()
    await pass(125)
    expect(calls).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121])
    expect(reasons()).toEqual(['failed_to_connect'])
    await outputs.stop()
  })

  test('begins with the shortest pause again only after a minute that held', async () => {
    let lose: (error: Error) => void = () => {}
    answer = async ({ onLost }) => {
      lose = onLost
    }
    outputs.start()
    await settled()
    await pass(59)
    lose(new Error('gone'))
    await settled()
    await pass(1.5)
    expect(calls).toEqual([0, 60])
    lose(new Error('gone'))
    await settled()
    await pass(2)
    // The pause has grown: the second connection held for a moment only.
    expect(calls).toEqual([0, 60, 62.5])
    await pass(60)
    lose(new Error('gone'))
    await settled()
    await pass(1)
    expect(calls).toEqual([0, 60, 62.5, 123.5])
    await outputs.stop()
  })

  test('is given up after 20 seconds without an answer', async () => {
    answer = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      })
    outputs.start()
    await settled()
    await pass(19.9)
    expect(entered).toEqual([])
    await pass(0.1)
    expect(reasons()).toEqual(['failed_to_connect'])
    await pass(1)
    expect(calls).toEqual([0, 21])
    await outputs.stop()
  })
})

describe('an output that is removed', () => {
  test('while it connects is not waited for, and leaves no status', async () => {
    let isAborted = false
    answer = ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          isAborted = true
          reject(signal.reason as Error)
        })
      })
    outputs.start()
    await settled()
    expect(calls).toEqual([0])
    listed = []
    outputs.look()
    await settled()
    expect(isAborted).toBe(true)
    await pass(120)
    expect([calls, entered]).toEqual([[0], []])
    await outputs.stop()
  })

  test('while the far end takes it is closed at once, and was never connected', async () => {
    const taken = Promise.withResolvers<void>()
    answer = () => taken.promise
    outputs.start()
    await settled()
    listed = []
    outputs.look()
    await settled()
    taken.resolve()
    await settled()
    expect([closed, entered, outputs.connected]).toEqual([1, [], []])
    await outputs.stop()
  })

  test('while it waits to be tried again is not tried again', async () => {
    answer = () => Promise.reject(new Error('refused'))
    outputs.start()
    await settled()
    listed = [{ ...OUTPUT, enabled: false }]
    outputs.look()
    await settled()
    await pass(60)
    expect(calls).toEqual([0])
    expect(reasons()).toEqual(['failed_to_connect', 'client_disconnect'])
    await outputs.stop()
  })
})

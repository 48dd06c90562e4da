import { expect, test } from 'vitest'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Clock, Fetcher } from '../../ports.ts'
import { fetchImage } from './fetch-image.ts'

const URL = 'https://images.example/mark.png'

/** A clock whose sleepers wake when the test says so. */
function turnedClock() {
  const { promise: woken, resolve: wake } = Promise.withResolvers<void>()
  const asked: number[] = []
  const clock: Pick<Clock, 'sleep'> = {
    sleep: (ms) => {
      asked.push(ms)
      return woken
    },
  }
  return { clock: clock as Clock, wake, asked }
}

/** Answers nothing until it is told to stop. */
const silent: Pick<Fetcher, 'fetch'> = {
  fetch: (_request, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    }),
}

test('an image that has not come after 10 s could not be fetched', async () => {
  const { clock, wake, asked } = turnedClock()
  const fetched = fetchImage({ clock, fetcher: silent as Fetcher }, URL, new AbortController().signal)
  expect(asked).toEqual([10_000])
  wake()
  await expect(fetched).rejects.toMatchObject({ code: 'fetch_failed', facts: { field: 'url' } })
})

test('who has gone is told so, and is no failure of the address', async () => {
  const { clock } = turnedClock()
  const gone = new AbortController()
  const fetched = fetchImage({ clock, fetcher: silent as Fetcher }, URL, gone.signal)
  gone.abort(new Error('gone'))
  await expect(fetched).rejects.toThrow('gone')
})

test('what the fetcher refuses names the field', async () => {
  const { clock } = turnedClock()
  const fetcher = { fetch: () => Promise.reject(new HeadwaterError('fetch_refused', 'Not there.')) }
  const fetched = fetchImage(
    { clock, fetcher: fetcher as unknown as Fetcher },
    URL,
    new AbortController().signal,
  )
  await expect(fetched).rejects.toMatchObject({ code: 'fetch_refused', facts: { field: 'url' } })
})

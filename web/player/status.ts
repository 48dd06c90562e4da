/** Asks the server where the video stands, often while somebody waits for it, seldom otherwise. */

import type { PageStatus } from '../../src/http/page-status.ts'

/** Between two questions while nothing plays yet; and after the first half minute. */
const WAITING_MS = 700
const LONG_WAITING_MS = 3_000
const PATIENCE_MS = 30_000
/** While it plays and further qualities are made. */
const MAKING_MS = 4_000

/** Answers of the status address; `gone` and `refused` are final. */
export type StatusAnswer = PageStatus | 'gone' | 'refused'

/** One question. Rejects when the server cannot be reached. */
export async function fetchStatus(address: string): Promise<StatusAnswer> {
  const response = await fetch(address, { cache: 'no-store', credentials: 'omit' })
  if (response.status === 404) return 'gone'
  if (response.status === 401 || response.status === 403) return 'refused'
  if (!response.ok) throw new Error(`The status address answered ${response.status}.`)
  return (await response.json()) as PageStatus
}

/** Asks again and again until nothing can change any more or `signal` is aborted; a failed question is asked again. */
export async function followStatus(
  address: string,
  onAnswer: (answer: StatusAnswer) => void,
  signal: AbortSignal,
): Promise<void> {
  const since = performance.now()
  let waiting = true
  for (;;) {
    const patient = performance.now() - since < PATIENCE_MS
    await pause(waiting ? (patient ? WAITING_MS : LONG_WAITING_MS) : MAKING_MS, signal)
    if (signal.aborted) return
    const answer = await fetchStatus(address).catch(() => undefined)
    if (signal.aborted) return
    if (answer === undefined) continue
    onAnswer(answer)
    if (typeof answer === 'string' || answer.complete || answer.state === 'error') return
    waiting = !answer.playable
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}

/** Requests at a steady rate whatever the answers take, so that a slow answer is not hidden by fewer requests. */

import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds from the instant a request was due to the last byte of its answer, one by one. */
export async function paceRequests(
  urls: readonly string[],
  options: { readonly perSecond: number; readonly seconds: number },
): Promise<readonly number[]> {
  const { perSecond, seconds } = options
  const agent = new Agent({ keepAlive: true })
  const startMs = performance.now()
  const answers: Promise<number>[] = []
  for (let count = 0; count < perSecond * seconds; count += 1) {
    const dueMs = startMs + (count * 1_000) / perSecond
    await sleep(Math.max(0, dueMs - performance.now()))
    answers.push(fetchWhole(urls[count % urls.length] ?? '', agent).then(() => performance.now() - dueMs))
  }
  const times = await Promise.all(answers)
  agent.destroy()
  return times
}

/** The time that all but one in `of` stay under. */
export function slowestOf(times: readonly number[], of: number): number {
  const sorted = [...times].sort((left, right) => left - right)
  return sorted[Math.ceil(sorted.length * (1 - 1 / of)) - 1] ?? Number.NaN
}

function fetchWhole(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${url} was answered ${answer.statusCode}`))
      answer.on('error', reject)
      answer.on('end', resolve)
      answer.resume()
    }).on('error', reject)
  })
}

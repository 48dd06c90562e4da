/** What `/metrics` tells, in Prometheus' words. One registry per server; nothing is registered at import. */

import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = {
  /** Counts one finished request. `route` is a template, never an address: each would be a series of its own. */
  readonly observe: (request: { method: string; route: string; status: number; seconds: number }) => void
  /** The page's text. */
  readonly format: () => Promise<string>
  readonly contentType: string
  readonly close: () => void
}

/** Makes the registry; `countJobs` is asked whenever the page is, and answers the number of jobs by state. */
export function createMetrics(countJobs: () => Promise<Readonly<Record<string, number>>>): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: 'headwater_http_request_seconds',
    help: 'Time from a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  })
  const jobs = new Gauge({
    name: 'headwater_jobs',
    help: 'Jobs by state',
    labelNames: ['state'],
    registers: [],
    async collect() {
      const counts = await countJobs()
      this.reset()
      for (const [state, count] of Object.entries(counts)) this.set({ state }, count)
    },
  })
  registry.registerMetric(jobs)
  return {
    observe: ({ method, route, status, seconds }) => {
      requests.observe({ method, route, status }, seconds)
    },
    format: () => registry.metrics(),
    contentType: registry.contentType,
    close: () => registry.clear(),
  }
}

/** A byte route's pattern as a readable template, e.g. `/{id}/manifest/video.m3u8`. */
export function formatPattern(pattern: RegExp): string {
  let template = ''
  const source = pattern.source.replace(/^\^/, '').replace(/\$$/, '')
  for (let at = 0; at < source.length; at += 1) {
    if (source[at] === '(') {
      const end = endOfGroup(source, at)
      const name = /^\(\?<(\w+)>/.exec(source.slice(at, end))?.[1]
      template += name === undefined ? '*' : `{${name}}`
      at = end - 1
    } else if (source[at] === '\\') {
      at += 1
      template += source[at] ?? ''
    } else template += source[at]
  }
  return template
}

/** Position after the parenthesis that closes the one at `start`. */
function endOfGroup(source: string, start: number): number {
  let depth = 0
  let inClass = false
  for (let at = start; at < source.length; at += 1) {
    const character = source[at]
    if (character === '\\') at += 1
    else if (inClass) inClass = character !== ']'
    else if (character === '[') inClass = true
    else if (character === '(') depth += 1
    else if (character === ')') {
      depth -= 1
      if (depth === 0) return at + 1
    }
  }
  return source.length
}

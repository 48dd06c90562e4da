/**
 * The library at 1 k, 100 k and 1 M videos: lists, filters, search, details, storage usage, insertion. The rows are
 * written straight into the database file, then everything is asked of a real server over HTTP, one request at a time.
 *
 * `--sizes 1000,10000` takes other sizes, `--requests N` another number of requests per question.
 */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import { openDatabase } from '../src/adapters/sql/open-database.ts'
import { dataFolder } from '../src/config/data-folder.ts'
import { withFolder } from '../tests/faults/own-folder.ts'
import { seededRandom } from '../tests/faults/seeded-random.ts'
import { ACCOUNT_ID, ownEndpoint, startOwnServer } from './own-server.ts'
import { formatTable } from './table.ts'

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,100000,1000000' },
    requests: { type: 'string', default: '60' },
  },
})
const SIZES = values.sizes.split(',').map(Number)
const REQUESTS = Number(values.requests)

/** How much slower the largest library may be than the smallest, in the middle. */
const RATIO_LIMIT = 1.5
const SEARCH_LIMIT_MS = 50
const USAGE_LIMIT_MS = 20
/** Each has fifty videos at a thousand, so that every list has its fifty at every size; so are failures and recordings. */
const CREATORS = 20
const FIRST_US = 1_700_000_000_000_000
const STEP_US = 7_000_000
const WORDS =
  'harbour tour summer camera lecture review episode trailer interview concert kitchen garden training webinar product launch keynote match highlights drone sunset market street river mountain'.split(
    ' ',
  )
/** From what every name has to what none has, of one, two and more letters. */
const SEARCHES = ['harbour', 'e', 'qx', '4z', 'summer garden', 'MARKET 1', 'nosuchname', 'z9k', '.mp4', 'ü']

type Question = {
  readonly name: string
  /** Path below the stream, and what is sent; `pick` gives numbers in `[0, n)`. */
  readonly ask: (pick: (n: number) => number, size: number) => { path: string; body?: unknown }
  /** Limit of the 95th percentile; the others are held to the ratio. */
  readonly p95LimitMs?: number
}

const QUESTIONS: readonly Question[] = [
  { name: 'list of 1,000', ask: () => ({ path: '' }) },
  { name: 'get', ask: (pick, size) => ({ path: `/${uidOf(pick(size))}` }) },
  { name: 'status=error', ask: () => ({ path: '?status=error&limit=50' }) },
  { name: 'creator', ask: (pick) => ({ path: `?creator=member-${pick(CREATORS)}&limit=50` }) },
  { name: 'type=live', ask: () => ({ path: '?type=live&limit=50' }) },
  { name: 'asc', ask: () => ({ path: '?asc=true&limit=50' }) },
  {
    name: 'after and before',
    ask: (pick, size) => {
      const at = pick(size)
      return { path: `?after=${timeOf(at)}&before=${timeOf(at + 500)}&limit=50` }
    },
  },
  {
    name: 'search, 50',
    ask: (pick) => ({
      path: `?search=${encodeURIComponent(SEARCHES[pick(SEARCHES.length)] ?? '')}&limit=50`,
    }),
    p95LimitMs: SEARCH_LIMIT_MS,
  },
  {
    name: 'search, up to 1,000',
    ask: (pick) => ({ path: `?search=${encodeURIComponent(SEARCHES[pick(SEARCHES.length)] ?? '')}` }),
    p95LimitMs: SEARCH_LIMIT_MS,
  },
  { name: 'storage-usage', ask: () => ({ path: '/storage-usage' }), p95LimitMs: USAGE_LIMIT_MS },
  {
    name: 'storage-usage of a creator',
    ask: (pick) => ({ path: `/storage-usage?creator=member-${pick(CREATORS)}` }),
    p95LimitMs: USAGE_LIMIT_MS,
  },
  { name: 'insert', ask: () => ({ path: '/direct_upload', body: { maxDurationSeconds: 60 } }) },
]

type Measured = { readonly p50: number; readonly p95: number }

await withFolder(async (folder) => {
  const dataDir = join(folder, 'data')
  const bySize: Measured[][] = []
  let rows = 0
  for (const size of SIZES) {
    const startedMs = performance.now()
    await grow(dataDir, rows, size)
    process.stderr.write(
      `${size} videos: ${size - rows} rows written in ${((performance.now() - startedMs) / 1000).toFixed(0)} s\n`,
    )
    rows = size
    bySize.push(await measure(dataDir, size))
  }
  process.stdout.write(
    formatTable(
      heads(),
      QUESTIONS.map((question, at) => row(question, bySize, at)),
    ),
  )
})

function heads(): string[] {
  return ['library, p50/p95 in ms', ...SIZES.map((size) => `${size} videos`), 'ratio of p50', 'limit', '']
}

function row(question: Question, bySize: readonly (readonly Measured[])[], at: number): string[] {
  const measured = bySize.map((one) => one[at] ?? { p50: Number.NaN, p95: Number.NaN })
  const last = measured.at(-1)?.p95 ?? Number.NaN
  const ratio = (measured.at(-1)?.p50 ?? Number.NaN) / (measured[0]?.p50 ?? Number.NaN)
  const { p95LimitMs } = question
  const good = p95LimitMs === undefined ? ratio <= RATIO_LIMIT : last <= p95LimitMs
  return [
    question.name,
    ...measured.map(({ p50, p95 }) => `${p50.toFixed(1)} / ${p95.toFixed(1)}`),
    ratio.toFixed(2),
    p95LimitMs === undefined ? `ratio ${RATIO_LIMIT}` : `p95 ${p95LimitMs} ms`,
    good ? 'ok' : 'OVER',
  ]
}

async function measure(dataDir: string, size: number): Promise<Measured[]> {
  const server = startOwnServer(dataDir)
  try {
    const { url, token } = ownEndpoint(await server.ready)
    const random = seededRandom(size)
    const pick = (n: number) => Math.floor(random() * n)
    const results: Measured[] = []
    for (const { ask } of QUESTIONS) {
      const tookMs: number[] = []
      // The first ones are not counted: they fill caches that every running server has.
      for (let request = -10; request < REQUESTS; request += 1) {
        const { path, body } = ask(pick, size)
        const startedMs = performance.now()
        const response = await fetch(url + path, {
          method: body === undefined ? 'GET' : 'POST',
          headers: { authorization: `Bearer ${token}` },
          body: body === undefined ? null : JSON.stringify(body),
        })
        const text = await response.text()
        if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${text}`)
        if (request >= 0) tookMs.push(performance.now() - startedMs)
      }
      results.push({ p50: percentile(tookMs, 0.5), p95: percentile(tookMs, 0.95) })
    }
    return results
  } finally {
    server.signal('SIGTERM')
    await server.exited
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Adds the videos from number `from` up to `to`, as the program itself would have written them. */
async function grow(dataDir: string, from: number, to: number): Promise<void> {
  const file = dataFolder(dataDir).databaseFile
  await (await openDatabase({ file })).close()
  const database = new DatabaseSync(file)
  database.exec('pragma synchronous = off; pragma cache_size = -262144; begin')
  const insert = database.prepare(`
    insert into videos (uid, account_id, creator, name, name_folded, meta, state, error_code, error_text, size_bytes,
      duration_seconds, width, height, created_us, modified_us, uploaded_us, ready_us, allowed_origins,
      require_signed_urls, thumbnail_timestamp_pct, live_input, pct_complete)
    values (?, ?, ?, ?, ?, ?, ?, ?, '', 20000000, ?, 1920, 1080, ?, ?, ?, ?, '[]', 0, 0, ?, 100)
  `)
  const random = seededRandom(from)
  const word = () => WORDS[Math.floor(random() * WORDS.length)] ?? ''
  for (let at = from; at < to; at += 1) {
    const name = `${word()} ${word()} ${at.toString(36)} ${Math.floor(random() * 1_000)}.MP4`
    const us = FIRST_US + at * STEP_US
    const failed = at % 20 === 7
    const meta = JSON.stringify({ name, season: String(at % 9), note: 'as the camera gave it' })
    insert.run(
      uidOf(at),
      ACCOUNT_ID,
      `member-${at % CREATORS}`,
      name,
      name.toLowerCase(),
      meta,
      failed ? 'error' : 'ready',
      failed ? 'ERR_UNKNOWN' : '',
      30 + (at % 600),
      us,
      us,
      us,
      us,
      at % 20 === 3 ? uidOf(at % 64) : null,
    )
    if (at % 50_000 === 49_999) database.exec('commit; begin')
  }
  database.exec(`
    delete from storage_counters; delete from storage_totals;
    insert into storage_counters (account_id, creator, video_count, seconds)
      select account_id, coalesce(creator, ''), count(*),
        sum(case when state = 'error' then 0 else coalesce(duration_seconds, 0) end)
      from videos group by account_id, creator;
    insert into storage_totals (account_id, video_count, seconds)
      select account_id, sum(video_count), sum(seconds) from storage_counters group by account_id;
    commit
  `)
  database.close()
}

function uidOf(at: number): string {
  return at.toString(16).padStart(32, '0')
}

function timeOf(at: number): string {
  return new Date((FIRST_US + at * STEP_US) / 1_000).toISOString()
}

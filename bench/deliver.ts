/**
 * What viewers ask for all the time, against nginx on the same bytes: segments of 2 MiB and manifests at 32
 * connections, in turns in one run; the same with and without a token in the address, in pairs; what 256 connections
 * cost in memory; and how long segments take that are asked for at a steady, low rate.
 * `npm run bench -- deliver [nginx|token|crowd|pace]`: only that part.
 */

import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createUpload, sendFrom } from '../src/commands/tus-client.ts'
import { startServer, type TestServer, waitForVideo } from '../tests/harness/server.ts'
import { openVideo } from './first-segment.ts'
import { type NginxManner, startNginx } from './nginx.ts'
import { paceRequests, slowestOf } from './paced.ts'
import { currentBytes } from './process-figures.ts'
import { benchSource } from './sources.ts'
import { formatTable, median, megabytes } from './table.ts'
import { type LoadFigures, putUnderLoad } from './wrk.ts'

const SOURCE_SECONDS = 40
const ROUNDS = 3
/** Of a second each: what a machine does beside it changes from second to second, and within a pair the least. */
const PAIRS = 15
const LOAD = { connections: 32, seconds: 5 } as const
const CROWD = { connections: 256, seconds: 10 } as const
const PACE = { perSecond: 50, seconds: 20, limitMs: 25 } as const
const LIMITS = { segments: 0.9, manifests: 0.5, token: 0.9 } as const
/** Memory counts as flat when a crowd adds no more than this. */
const CROWD_LIMIT_BYTES = 150e6
const NGINX_MANNERS: readonly NginxManner[] = ['sendfile', 'buffers']

const TITLES: Readonly<Record<string, string>> = {
  ours: 'headwater',
  sendfile: 'nginx, sendfile',
  buffers: 'nginx, buffers of 1 MiB',
}

type Kind = 'segments' | 'manifests'
type Addresses = Readonly<Record<Kind, readonly string[]>>

const only = process.argv[2]
const folder = await mkdtemp(join(tmpdir(), 'headwater-deliver-'))
const server = await startServer()
try {
  const open = await uploadAndOpen(server)
  const signed = withId(open, await signedId(server, open.uid))
  const parts: Readonly<Record<string, () => Promise<void>>> = {
    nginx: () => reportNginx(open.addresses),
    token: () => reportToken(open.addresses, signed),
    crowd: () => reportCrowd(server, open.addresses),
    pace: () => reportPace(open.addresses),
  }
  for (const [name, report] of Object.entries(parts)) if (only === undefined || only === name) await report()
} finally {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
}

async function reportNginx(addresses: Addresses): Promise<void> {
  const files = join(folder, 'files')
  await saveAnswers(addresses, files)
  const peers = await Promise.all(NGINX_MANNERS.map((manner) => startNginx(folder, files, manner)))
  try {
    const loads: Record<string, Addresses> = { ours: addresses }
    for (const [index, manner] of NGINX_MANNERS.entries()) {
      loads[manner] = onServer(addresses, peers[index]?.url ?? '')
    }
    const segments = await takeTurns(loads, 'segments')
    const manifests = await takeTurns(loads, 'manifests')
    process.stdout.write(reportLoads(segments, manifests))
  } finally {
    for (const peer of peers) await peer.stop()
  }
}

/** The addresses of the picture's segments and of both manifests and a playlist. */
async function uploadAndOpen(target: TestServer): Promise<{ uid: string; addresses: Addresses }> {
  const path = await benchSource('dense', SOURCE_SECONDS)
  const client = {
    serverUrl: target.url,
    accountUrl: `${target.apiUrl}/accounts/${target.accountId}`,
    token: target.token,
  }
  const { size: sizeBytes } = await stat(path)
  const { location, uid } = await createUpload(client, { name: 'bench', sizeBytes })
  const quiet = { onProgress: () => {}, onRetry: () => {} }
  await sendFrom(client, location, 0, { path, sizeBytes, ...quiet })
  const { tracks } = await openVideo(target.url, uid, 60_000)
  // Its other qualities would take the processor from whoever is measured.
  await waitForVideo(target, uid, 'complete', 600_000)
  const manifests = ['video.m3u8', 'video.mpd'].map((name) => `${target.url}/${uid}/manifest/${name}`)
  return { uid, addresses: { segments: tracks[0]?.segments ?? [], manifests } }
}

/** A token that plays the video for an hour. */
async function signedId(target: TestServer, uid: string): Promise<string> {
  const answer = await fetch(`${target.apiUrl}/accounts/${target.accountId}/stream/${uid}/token`, {
    method: 'POST',
    headers: { authorization: `Bearer ${target.token}` },
  })
  const { result } = (await answer.json()) as { result: { token: string } }
  return result.token
}

function withId({ uid, addresses }: { uid: string; addresses: Addresses }, id: string): Addresses {
  const replace = (urls: readonly string[]) => urls.map((url) => url.replace(uid, id))
  return { segments: replace(addresses.segments), manifests: replace(addresses.manifests) }
}

function onServer(addresses: Addresses, origin: string): Addresses {
  const move = (urls: readonly string[]) => urls.map((url) => `${origin}${new URL(url).pathname}`)
  return { segments: move(addresses.segments), manifests: move(addresses.manifests) }
}

/** Each answer as a file, under the same path. */
async function saveAnswers(addresses: Addresses, root: string): Promise<void> {
  for (const url of [...addresses.segments, ...addresses.manifests]) {
    const path = join(root, new URL(url).pathname)
    await mkdir(join(path, '..'), { recursive: true })
    const answer = await fetch(url)
    if (!answer.ok) throw new Error(`${url} was answered ${answer.status}`)
    await writeFile(path, Buffer.from(await answer.arrayBuffer()))
  }
}

/** Each once per round, so that a noisy minute burdens all of them; the first round warms up and does not count. */
async function takeTurns(
  loads: Readonly<Record<string, Addresses>>,
  kind: Kind,
): Promise<Record<string, LoadFigures[]>> {
  const taken: Record<string, LoadFigures[]> = {}
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const [name, addresses] of Object.entries(loads)) {
      const figures = await putUnderLoad({ urls: addresses[kind], ...LOAD, folder })
      if (round >= 0) taken[name] = [...(taken[name] ?? []), figures]
    }
  }
  return taken
}

function reportLoads(
  segments: Record<string, LoadFigures[]>,
  manifests: Record<string, LoadFigures[]>,
): string {
  const rate = (name: string) => median((segments[name] ?? []).map(({ bytesPerSecond }) => bytesPerSecond))
  const asks = (name: string) =>
    median((manifests[name] ?? []).map(({ requestsPerSecond }) => requestsPerSecond))
  const bestRate = Math.max(...NGINX_MANNERS.map(rate))
  const bestAsks = Math.max(...NGINX_MANNERS.map(asks))
  const names = ['ours', ...NGINX_MANNERS]
  const rows = names.map((name) => [
    TITLES[name] ?? name,
    `${(rate(name) / 1e6).toFixed(0)} MB/s`,
    (rate(name) / bestRate).toFixed(2),
    `${asks(name).toFixed(0)}/s`,
    (asks(name) / bestAsks).toFixed(2),
  ])
  const verdicts = [
    ['segments, of the better nginx', ...judge(rate('ours') / bestRate, LIMITS.segments)],
    ['manifests, of the better nginx', ...judge(asks('ours') / bestAsks, LIMITS.manifests)],
  ]
  const heads = [`${LOAD.connections} connections`, 'segments', 'of nginx', 'manifests', 'of nginx']
  return `${formatTable(heads, rows)}\n${formatTable(['ratio', 'measured', 'limit', ''], verdicts)}\n`
}

/** Verifying it must not cost delivery speed; also where no request has the words of one before, so each is read anew. */
async function reportToken(open: Addresses, signed: Addresses): Promise<void> {
  const rows: string[][] = []
  for (const [name, kind, varied] of [
    ['segments with a token, of those without', 'segments', false],
    ['manifests with a token, of those without', 'manifests', false],
    ['the same, each in words of its own', 'manifests', true],
  ] as const) {
    const ratios: number[] = []
    for (let pair = -1; pair < PAIRS; pair += 1) {
      const rate = async (addresses: Addresses) =>
        (await putUnderLoad({ urls: addresses[kind], ...LOAD, seconds: 1, varied, folder })).requestsPerSecond
      // In turns the first, so that neither always follows the other.
      const before = pair % 2 === 0 ? await rate(signed) : undefined
      const without = await rate(open)
      const ratio = (before ?? (await rate(signed))) / without
      if (pair >= 0) ratios.push(ratio)
    }
    rows.push([name, ...judge(median(ratios), LIMITS.token)])
  }
  process.stdout.write(`${formatTable([`median of ${PAIRS} pairs`, 'measured', 'limit', ''], rows)}\n`)
}

function judge(ratio: number, limit: number): string[] {
  return [ratio.toFixed(2), limit.toFixed(2), ratio >= limit ? 'ok' : 'TOO SLOW']
}

async function reportCrowd(target: TestServer, addresses: Addresses): Promise<void> {
  const before = currentBytes(target.pid)
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, currentBytes(target.pid))
  }, 100)
  await putUnderLoad({ urls: addresses.segments, ...CROWD, folder })
  clearInterval(timer)
  const verdict = most - before <= CROWD_LIMIT_BYTES ? 'ok' : 'NOT FLAT'
  process.stdout.write(
    `Memory: ${megabytes(before)} after ${LOAD.connections} connections, at most ${megabytes(most)} with ${CROWD.connections}: ${verdict}\n`,
  )
}

async function reportPace(addresses: Addresses): Promise<void> {
  const times = await paceRequests(addresses.segments, PACE)
  const p99 = slowestOf(times, 100)
  const verdict = p99 <= PACE.limitMs ? 'ok' : 'TOO SLOW'
  process.stdout.write(
    `Segments at ${PACE.perSecond} a second: p50 ${median(times).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, limit ${PACE.limitMs} ms: ${verdict}\n`,
  )
}

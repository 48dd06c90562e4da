/** A whole presentation as a player sees it: manifests, and every init and media segment, fetched over HTTP and read. */

import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import type { Plan } from '../../src/core/planning/index.ts'
import { type InitFacts, readInit, readSegment, type SegmentFacts } from './read-cmaf.ts'

export type FetchedSegment = SegmentFacts & {
  readonly bytes: Buffer
  /** Presentation time of each sample in decode order, ticks. */
  readonly presentation: readonly number[]
  /** Decode time of each sample, ticks. */
  readonly decode: readonly number[]
  /** Decode time at which the last sample ends. */
  readonly end: number
}

export type FetchedTrack = {
  readonly id: string
  readonly kind: 'video' | 'audio'
  readonly playlist: string
  readonly extinf: readonly number[]
  readonly init: InitFacts
  readonly initBytes: Buffer
  readonly segments: readonly FetchedSegment[]
}

export type Presentation = {
  /** `<server>/<uid>`. */
  readonly base: string
  readonly plan: Plan
  readonly multivariant: string
  readonly mpd: string
  readonly video: readonly FetchedTrack[]
  readonly audio: readonly FetchedTrack[]
}

/** Fetches all of a video that is complete. */
export async function fetchPresentation(
  server: { url: string; dataDir: string },
  uid: string,
): Promise<Presentation> {
  const base = `${server.url}/${uid}`
  const plan = readPlan(server.dataDir, uid)
  const multivariantUrl = `${base}/manifest/video.m3u8`
  const multivariant = await text(multivariantUrl)
  const addresses = {
    video: multivariant.split('\n').filter((line) => line !== '' && !line.startsWith('#')),
    audio: [...multivariant.matchAll(/TYPE=AUDIO.*URI="([^"]+)"/g)].map((match) => match[1] ?? ''),
  }
  const fetchTracks = (kind: 'video' | 'audio') =>
    Promise.all(addresses[kind].map((address) => fetchTrack(new URL(address, multivariantUrl).href, kind)))
  return {
    base,
    plan,
    multivariant,
    mpd: await text(`${base}/manifest/video.mpd`),
    video: await fetchTracks('video'),
    audio: await fetchTracks('audio'),
  }
}

async function fetchTrack(url: string, kind: 'video' | 'audio'): Promise<FetchedTrack> {
  const playlist = await text(url)
  const initBytes = await bytes(new URL(/#EXT-X-MAP:URI="([^"]+)"/.exec(playlist)?.[1] ?? '', url).href)
  const init = readInit(initBytes)
  const addresses = playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const editStart = init.edits?.[0]?.[1] ?? 0
  const segments: FetchedSegment[] = []
  for (const address of addresses)
    segments.push(withTimes(await bytes(new URL(address, url).href), editStart))
  return {
    id: /([^/]+)\.m3u8/.exec(url)?.[1] ?? '',
    kind,
    playlist,
    extinf: [...playlist.matchAll(/#EXTINF:([\d.]+),/g)].map((match) => Number(match[1])),
    init,
    initBytes,
    segments,
  }
}

function withTimes(content: Buffer, editStart: number): FetchedSegment {
  const facts = readSegment(content)
  const decode: number[] = []
  let time = facts.tfdt
  for (const sample of facts.samples) {
    decode.push(time)
    time += sample.duration
  }
  return {
    ...facts,
    bytes: content,
    decode,
    presentation: facts.samples.map(
      (sample, index) => (decode[index] ?? 0) + sample.compositionOffset - editStart,
    ),
    end: time,
  }
}

/** The plan as ingest stored it, read beside the running server. */
function readPlan(dataDir: string, uid: string): Plan {
  const database = new DatabaseSync(join(dataDir, 'headwater.db'), { readOnly: true })
  try {
    const row = database.prepare('select plan from plans where video_uid = ?').get(uid)
    return JSON.parse(String(row?.plan)) as Plan
  } finally {
    database.close()
  }
}

async function text(url: string): Promise<string> {
  return (await bytes(url)).toString('utf8')
}

async function bytes(url: string): Promise<Buffer> {
  const response = await fetch(url)
  const content = Buffer.from(await response.arrayBuffer())
  if (response.status !== 200)
    throw new Error(`${url} answered ${response.status}: ${content.toString('utf8', 0, 200)}`)
  if (Number(response.headers.get('content-length')) !== content.length)
    throw new Error(`${url} has a wrong length`)
  return content
}

/**
 * A live input that a test starts, interrupts and ends when it likes: our player pages over the answers that the input's
 * addresses are documented to give (live.md §3, §6), and segments that ffmpeg has made beforehand.
 */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { renderPlayer } from '../../src/http/page-html.ts'
import type { PageLive, PageStatus } from '../../src/http/page-status.ts'
import type { ByteRequest, ByteRoute } from '../../src/http/route.ts'
import { sendJson } from '../../src/http/send-json.ts'
import type { EntryFiles } from '../../src/http/static-files.ts'
import type { ApiServer } from '../harness/api-server.ts'
import { startPageServer } from '../harness/page-server.ts'

/** Segments that there are, of a second each. */
const SEGMENTS = 90
/** So much has been broadcast when `begin` is called. */
const HEAD_START = 6
/** Segments that are listed without `dvrEnabled`. */
const WINDOW = 6

export type LiveFixture = AsyncDisposable & {
  readonly api: ApiServer
  /** Address of the input's pages, without a slash at the end. */
  readonly input: string
  /** Somebody begins to publish; answers the uid of the broadcast's video. */
  begin(): string
  /** Nothing has ever been broadcast. */
  clear(): void
  /** The publisher is lost, and comes back. */
  lose(): void
  regain(): void
  /** The broadcast is over. */
  end(): void
  /** What pages are told about the input beside that. */
  describe(live: Partial<PageLive>): void
  /** null = not to be known. */
  countViewers(count: number | null): void
  embedIn(html: string): void
  /** Paths that were asked for, with their queries. */
  readonly requests: string[]
}

type Broadcast = {
  readonly uid: string
  readonly beganMs: number
  /** Until when anything came. */
  cutMs: number | null
  away: boolean
  /** First segments after an interruption. */
  readonly gaps: Set<number>
  over: boolean
}

type Given = {
  broadcast: Broadcast | null
  live: Partial<PageLive>
  viewers: number | null
  embedding: string
  readonly requests: string[]
}

/** Starts it. Throws when the pages have not been built. */
export async function startLive(): Promise<LiveFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-live-pages-'))
  await makeSegments(folder)
  const given: Given = { broadcast: null, live: {}, viewers: 0, embedding: '', requests: [] }
  const uid = 'a'.repeat(32)
  const { api } = await startPageServer(({ files }) => {
    const entry = files.entry('player/main.ts')
    if (entry === undefined) throw new Error('The player has not been built; run `npm run build`.')
    return liveRoutes(folder, entry, given)
  })
  const running = (): Broadcast => {
    if (given.broadcast === null) throw new Error('Nobody broadcasts.')
    return given.broadcast
  }
  return {
    api,
    input: `${api.url}/${uid}`,
    begin: () => {
      const broadcast = {
        uid: api.clock.newUid(),
        beganMs: performance.now() - HEAD_START * 1000,
        cutMs: null,
        away: false,
        gaps: new Set<number>(),
        over: false,
      }
      given.broadcast = broadcast
      return broadcast.uid
    },
    clear: () => {
      given.broadcast = null
    },
    lose: () => Object.assign(running(), { away: true, cutMs: performance.now() }),
    regain: () => {
      const broadcast = running()
      const lostMs = performance.now() - (broadcast.cutMs ?? performance.now())
      broadcast.gaps.add(countSegments(broadcast))
      Object.assign(broadcast, { away: false, cutMs: null, beganMs: broadcast.beganMs + lostMs })
    },
    end: () => Object.assign(running(), { over: true, away: false, cutMs: performance.now() }),
    describe: (live) => {
      given.live = live
    },
    countViewers: (count) => {
      given.viewers = count
    },
    embedIn: (html) => {
      given.embedding = html
    },
    requests: given.requests,
    [Symbol.asyncDispose]: async () => {
      await api.close()
      await rm(folder, { recursive: true })
    },
  }
}

function describeStatus({ broadcast, live }: Given): PageStatus {
  const running = broadcast !== null && !broadcast.over
  return {
    state: 'live-inprogress',
    playable: running,
    pctComplete: null,
    complete: false,
    sentence: '',
    advice: null,
    durationSeconds: null,
    width: null,
    height: null,
    live: { isInput: true, running, hls: true, lowLatency: false, realTime: false, ...live },
  }
}

function liveRoutes(folder: string, entry: EntryFiles, given: Given): ByteRoute[] {
  const route = (pattern: RegExp, handle: ByteRoute['handle']): ByteRoute => ({
    pattern,
    failures: 'plain',
    handle: (request, incoming, outgoing) => {
      given.requests.push(`${incoming.method} ${incoming.url}`)
      return handle(request, incoming, outgoing)
    },
  })
  return [
    route(/^\/embedding\.html$/, async (_request, _incoming, outgoing) => {
      outgoing.setHeader('content-type', 'text/html')
      outgoing.end(given.embedding)
    }),
    route(/^\/(?<id>a{32})\/(?<mode>watch|iframe)$/, async (request, _incoming, outgoing) => {
      const mode = request.params['mode'] === 'iframe' ? 'iframe' : 'watch'
      const details = { title: null, shareLink: null, channelLink: null, logo: null }
      const config = { mode, id: request.params['id'] ?? '', details, status: describeStatus(given) } as const
      const page = renderPlayer({
        config,
        files: entry,
        preloads: [],
        frameAncestors: null,
        pictureOrigins: [],
      })
      outgoing.setHeader('content-type', 'text/html')
      outgoing.setHeader('content-security-policy', page.policy)
      outgoing.end(page.html)
    }),
    route(/^\/a{32}\/headwater\/status\.json$/, async (_request, incoming, outgoing) =>
      sendJson(incoming, outgoing, describeStatus(given), 'no-store'),
    ),
    route(/^\/a{32}\/lifecycle$/, async (_request, incoming, outgoing) => {
      const { broadcast } = given
      const live = broadcast !== null && !broadcast.over
      const status = broadcast?.away ? 'reconnecting' : live ? 'connected' : 'disconnected'
      const videoUID = live ? broadcast.uid : null
      sendJson(incoming, outgoing, { isInput: true, videoUID, live, status }, 'no-store')
    }),
    route(/^\/a{32}\/views$/, async (_request, incoming, outgoing) => {
      outgoing.statusCode = given.viewers === null ? 403 : 200
      sendJson(incoming, outgoing, { liveViewers: given.viewers ?? 0 }, 'no-store')
    }),
    // This server has no WebRTC.
    route(/^\/a{32}\/webRTC\/play$/, async (_request, _incoming, outgoing) => {
      outgoing.statusCode = 404
      outgoing.end()
    }),
    route(/^\/a{32}\/manifest\/video\.m3u8$/, async (request, _incoming, outgoing) => {
      // A broadcast that is over keeps its playlists; who comes anew gets nothing.
      outgoing.setHeader('content-type', 'application/vnd.apple.mpegurl')
      if (given.broadcast === null || given.broadcast.over) outgoing.statusCode = 204
      outgoing.end(given.broadcast === null || given.broadcast.over ? undefined : formatMaster(request))
    }),
    route(/^\/a{32}\/manifest\/only\.m3u8$/, async (request, _incoming, outgoing) => {
      outgoing.setHeader('content-type', 'application/vnd.apple.mpegurl')
      outgoing.end(given.broadcast && formatPlaylist(given.broadcast, request.query.has('dvrEnabled')))
    }),
    route(/^\/a{32}\/media\/(?<file>init\.mp4|\d+\.m4s)$/, async (request, _incoming, outgoing) => {
      outgoing.end(await readFile(join(folder, request.params['file'] ?? '')))
    }),
  ]
}

function formatMaster({ query }: ByteRequest): string {
  const codecs = 'CODECS="avc1.42c00d,mp4a.40.2",CLOSED-CAPTIONS=NONE'
  return `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=300000,RESOLUTION=320x180,${codecs}
only.m3u8${query.size > 0 ? `?${query.toString()}` : ''}
`
}

function formatPlaylist(broadcast: Broadcast, dvr: boolean): string {
  const count = countSegments(broadcast)
  const first = dvr ? 0 : Math.max(0, count - WINDOW)
  const gapsBefore = [...broadcast.gaps].filter((gap) => gap < first).length
  const lines = Array.from({ length: count - first }, (_each, index) => {
    const number = first + index
    return `${broadcast.gaps.has(number) ? '#EXT-X-DISCONTINUITY\n' : ''}#EXTINF:1,\n../media/${number}.m4s`
  })
  return `#EXTM3U
#EXT-X-VERSION:${dvr ? 8 : 6}
#EXT-X-TARGETDURATION:1
#EXT-X-MEDIA-SEQUENCE:${first}
#EXT-X-DISCONTINUITY-SEQUENCE:${gapsBefore}
#EXT-X-MAP:URI="../media/init.mp4"
${lines.join('\n')}
${broadcast.over ? '#EXT-X-ENDLIST\n' : ''}`
}

function countSegments({ beganMs, cutMs }: Broadcast): number {
  return Math.min(SEGMENTS, Math.floor(((cutMs ?? performance.now()) - beganMs) / 1000))
}

async function makeSegments(folder: string): Promise<void> {
  const args = `-v error -f lavfi -i testsrc2=size=320x180:rate=25:duration=${SEGMENTS}
    -f lavfi -i sine=frequency=440:sample_rate=48000:duration=${SEGMENTS}
    -c:v libx264 -preset ultrafast -profile:v baseline -pix_fmt yuv420p -g 25 -keyint_min 25 -sc_threshold 0
    -c:a aac -b:a 64k -ac 2 -f hls -hls_time 1 -hls_playlist_type vod -hls_segment_type fmp4
    -hls_fmp4_init_filename init.mp4 -hls_segment_filename %d.m4s index.m3u8`
  await promisify(execFile)('ffmpeg', args.split(/\s+/), { cwd: folder })
}

/**
 * Our pages over real records, with a small HLS presentation that ffmpeg made in place of the encoder: so a test decides
 * what is listed, what is late and what fails, and the player is the real one.
 */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Video } from '../../src/core/videos/index.ts'
import { metadataRoutes } from '../../src/http/bytes/metadata.ts'
import type { ByteRoute } from '../../src/http/route.ts'
import type { StaticFiles } from '../../src/http/static-files.ts'
import type { ApiServer } from '../harness/api-server.ts'
import { startPageServer } from '../harness/page-server.ts'

/** Seconds of the presentation, and of each of its segments. */
export const SECONDS = 48
export const SEGMENT_SECONDS = 2

/** Sizes of its qualities, by rendition id; `high` is the tallest. */
export const SIZES = { high: [640, 360], middle: [426, 240], low: [256, 144] } as const
export type RenditionName = keyof typeof SIZES

export type PagesFixture = AsyncDisposable & {
  readonly api: ApiServer
  readonly files: StaticFiles
  /** Qualities that the manifest lists from now on, the first one first. */
  list(...names: RenditionName[]): void
  /** Answers the next `count` segment requests with 503. */
  failSegments(count: number): void
  /** What `/embedding.html` holds: the page of somebody who embeds a video. */
  embedIn(html: string): void
  /** Paths that were asked for, with their queries. */
  readonly requests: string[]
  /** Changes the record of a video. */
  change(uid: string, fields: { state?: Video['state']; pct_complete?: number | null }): Promise<void>
}

/** Starts it. Throws when the pages have not been built. */
export async function startPages(): Promise<PagesFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-pages-'))
  await makePresentation(folder)
  const given = {
    listed: ['middle', 'high', 'low'] as RenditionName[],
    failing: 0,
    embedding: '',
    requests: [] as string[],
  }
  const { api, files } = await startPageServer((deps) => [
    ...mediaRoutes(folder, given),
    ...metadataRoutes(deps),
  ])
  return {
    api,
    files,
    list: (...names) => {
      given.listed = names
    },
    failSegments: (count) => {
      given.failing = count
    },
    embedIn: (html) => {
      given.embedding = html
    },
    requests: given.requests,
    change: async (uid, fields) => {
      await api.db.updateTable('videos').set(fields).where('uid', '=', uid).execute()
    },
    [Symbol.asyncDispose]: async () => {
      await api.close()
      await rm(folder, { recursive: true })
    },
  }
}

async function makePresentation(folder: string): Promise<void> {
  const scaled = Object.values(SIZES).map(
    ([width, height], index) => `[in${index}]scale=${width}:${height}[out${index}]`,
  )
  const inputs = Object.keys(SIZES).map((_name, index) => `[in${index}]`)
  const frames = SEGMENT_SECONDS * 25
  // prettier-ignore
  await promisify(execFile)(
    'ffmpeg',
    [
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      `testsrc2=size=640x360:rate=25:duration=${SECONDS}`,
      '-f',
      'lavfi',
      '-i',
      `sine=frequency=440:sample_rate=48000:duration=${SECONDS}`,
      '-filter_complex',
      `[0:v]split=${inputs.length}${inputs.join('')};${scaled.join(';')}`,
      ...inputs.flatMap((_each, index) => ['-map', `[out${index}]`]),
      '-map',
      '1:a',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-pix_fmt',
      'yuv420p',
      '-g',
      String(frames),
      '-keyint_min',
      String(frames),
      '-sc_threshold',
      '0',
      '-c:a',
      'aac',
      '-b:a',
      '64k',
      '-ac',
      '2',
      '-f',
      'hls',
      '-hls_time',
      String(SEGMENT_SECONDS),
      '-hls_playlist_type',
      'vod',
      '-hls_segment_type',
      'fmp4',
      '-hls_fmp4_init_filename',
      'init.mp4',
      '-hls_segment_filename',
      'r%v/%d.m4s',
      '-var_stream_map',
      [...inputs.map((_each, index) => `v:${index},agroup:a`), 'a:0,agroup:a'].join(' '),
      'r%v/index.m3u8',
    ],
    { cwd: folder },
  )
}

type Given = { listed: RenditionName[]; failing: number; embedding: string; requests: string[] }

const NAMES = Object.keys(SIZES) as RenditionName[]

function mediaRoutes(folder: string, given: Given): ByteRoute[] {
  const route = (pattern: RegExp, handle: ByteRoute['handle']): ByteRoute => ({
    pattern,
    failures: 'plain',
    handle,
  })
  return [
    route(/^\/embedding\.html$/, async (_request, _incoming, outgoing) => {
      outgoing.setHeader('content-type', 'text/html')
      outgoing.end(given.embedding)
    }),
    route(/^\/(?<id>[0-9a-f]{32})\/manifest\/(?<name>\w+)\.m3u8$/, async (request, incoming, outgoing) => {
      given.requests.push(incoming.url ?? '')
      outgoing.setHeader('content-type', 'application/vnd.apple.mpegurl')
      const { id = '', name = '' } = request.params
      outgoing.end(name === 'video' ? formatMaster(given.listed) : await readPlaylist(folder, id, name))
    }),
    route(
      /^\/[0-9a-f]{32}\/(?<name>[a-z]+)\/(?<file>(?:init_?\d*\.mp4|\d+\.m4s))$/,
      async (request, incoming, outgoing) => {
        given.requests.push(incoming.url ?? '')
        const { name = '', file = '' } = request.params
        if (file.endsWith('.m4s') && given.failing > 0) {
          given.failing -= 1
          outgoing.statusCode = 503
          outgoing.setHeader('retry-after', '1')
          outgoing.end('The segment is not made yet.\n')
          return
        }
        outgoing.end(await readFile(join(folder, `r${indexOf(name)}`, file)))
      },
    ),
  ]
}

function indexOf(name: string): number {
  return name === 'sound' ? NAMES.length : NAMES.findIndex((each) => each === name)
}

function formatMaster(listed: readonly RenditionName[]): string {
  const variants = listed.map((name) => {
    const [width, height] = SIZES[name]
    const bandwidth = height * 3_000
    return `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},RESOLUTION=${width}x${height},CODECS="avc1.42c01e,mp4a.40.2",AUDIO="group_audio",CLOSED-CAPTIONS=NONE\n${name}.m3u8`
  })
  const sound =
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="group_audio",NAME="original",DEFAULT=YES,AUTOSELECT=YES,URI="sound.m3u8"'
  return ['#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-INDEPENDENT-SEGMENTS', sound, ...variants, ''].join('\n')
}

async function readPlaylist(folder: string, id: string, name: string): Promise<string> {
  const text = await readFile(join(folder, `r${indexOf(name)}`, 'index.m3u8'), 'utf8')
  return text
    .replace(/URI="(?<file>.+?)"/, `URI="../../${id}/${name}/$<file>"`)
    .replace(/^(?<file>\d+\.m4s)$/gm, `../../${id}/${name}/$<file>`)
}

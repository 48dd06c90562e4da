/** The pages people open: dashboard, watch page, player for embedding; and the files they are made of. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { EarlyTimelines } from '../core/early/index.ts'
import { type Admissions, InputAdmissions } from '../core/playback/index.ts'
import { HeadwaterError, isFailure } from '../lib/failure.ts'
import { type Page, renderDashboard, renderPlayer, renderRefusal } from './page-html.ts'
import { describeRefusal, refuseFrame, type Refused } from './page-refusal.ts'
import { originsOf, type PageBroadcasts, presentInput, presentVideoStatus } from './page-live.ts'
import { type PageStatus, type PlayerPageConfig, NO_DETAILS, presentDetails } from './page-status.ts'
import type { Clock } from '../ports.ts'
import type { Db } from '../tables.ts'
import type { ByteHandler, ByteRequest, ByteRoute } from './route.ts'
import { sendJson } from './send-json.ts'
import { type EntryFiles, sendStaticFile, type StaticFiles } from './static-files.ts'

/** `files` is undefined when the web pages have not been built. */
export type PageDeps = {
  readonly db: Db
  readonly clock: Clock
  readonly admissions: Admissions
  /** Absent where this process takes no broadcasts: then nothing is live. */
  readonly broadcasts?: PageBroadcasts | undefined
  readonly files: StaticFiles | undefined
  readonly early: Pick<EarlyTimelines, 'get'>
}

const PLAYER = 'player/main.ts'
/** hls.js; the player asks for it as soon as it runs, so it is fetched beside it. */
const ENGINE = 'player/adaptive.ts'
const DASHBOARD = 'dashboard/main.tsx'
const FAVICON = 'favicon.svg'

const IMMUTABLE = 'public, max-age=31536000, immutable'
/** For what keeps its address when its content changes. */
const REVALIDATED = 'public, max-age=3600, stale-while-revalidate=86400'

/** Nothing here asks for any of these, and nothing that ever got into a page shall. */
const PERMISSIONS = [
  'bluetooth',
  'camera',
  'display-capture',
  'geolocation',
  'hid',
  'microphone',
  'midi',
  'payment',
  'serial',
  'usb',
]
  .map((feature) => `${feature}=()`)
  .join(', ')

const NOT_BUILT = 'The web pages have not been built. Run `npm start`, or `npm run build` and start again.'

/** Every route of the pages. */
export function pageRoutes(deps: PageDeps): ByteRoute[] {
  return [
    route(/^\/(?:(?:videos|live)\/[^/]+|live)?$/, (request, incoming, outgoing) =>
      sendDashboard(deps, request, incoming, outgoing),
    ),
    route(/^\/(?<path>assets\/[^/]+)$/, (request, incoming, outgoing) => {
      const file = built(deps).find(request.params['path'] ?? '')
      if (file === undefined) throw new HeadwaterError('not_found', 'There is no such file.')
      // Fonts and scripts may also be asked for by pages on other hosts that embed the player.
      outgoing.setHeader('access-control-allow-origin', '*')
      sendStaticFile(incoming, outgoing, file, IMMUTABLE)
    }),
    route(/^\/favicon\.svg$/, (_request, incoming, outgoing) => {
      const file = built(deps).find(FAVICON)
      if (file === undefined) throw new HeadwaterError('not_found', 'There is no such file.')
      sendStaticFile(incoming, outgoing, file, REVALIDATED)
    }),
    route(/^\/embed\/(?<name>sdk|v1)\.latest\.js$/, (request, incoming, outgoing) => {
      const file = built(deps).find(`embed/${request.params['name']}.js`)
      if (file === undefined) throw new HeadwaterError('not_found', 'There is no such file.')
      outgoing.setHeader('access-control-allow-origin', '*')
      sendStaticFile(incoming, outgoing, file, REVALIDATED)
    }),
    // Also a token, which has two dots.
    route(/^\/(?<id>[0-9a-f]{32}|[\w-]+\.[\w-]+\.[\w-]+)$/, (request, _incoming, outgoing) => {
      const query = request.query.size > 0 ? `?${request.query.toString()}` : ''
      outgoing.statusCode = 302
      outgoing.setHeader('location', `${request.publicUrl}/${request.params['id']}/watch${query}`)
      outgoing.end()
    }),
    route(/^\/(?<id>[^/]+)\/(?<mode>watch|iframe)$/, (request, incoming, outgoing) =>
      sendPlayer(deps, request, incoming, outgoing),
    ),
    route(/^\/(?<id>[^/]+)\/headwater\/status\.json$/, (request, incoming, outgoing) =>
      sendStatus(deps, request, incoming, outgoing),
    ),
  ]
}

type PageHandler = (...args: Parameters<ByteHandler>) => Promise<void> | void

/** Pages are only read; `HEAD` works like `GET`. */
function route(pattern: RegExp, handle: PageHandler): ByteRoute {
  return {
    pattern,
    failures: 'plain',
    handle: async (request, incoming, outgoing) => {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        throw new HeadwaterError(
          'method_not_allowed',
          `${request.method} is not possible here; expected GET or HEAD.`,
        )
      }
      await handle(request, incoming, outgoing)
    },
  }
}

function sendDashboard(
  deps: PageDeps,
  request: ByteRequest,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const entry = deps.files?.entry(DASHBOARD)
  if (entry === undefined) {
    sendNotBuilt(incoming, outgoing)
    return
  }
  sendPage(incoming, outgoing, 200, renderDashboard(entry, request.path === '/' ? '' : '../'))
}

async function sendPlayer(
  deps: PageDeps,
  request: ByteRequest,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const entry = deps.files?.entry(PLAYER)
  if (entry === undefined) {
    sendNotBuilt(incoming, outgoing)
    return
  }
  const mode = request.params['mode'] === 'iframe' ? 'iframe' : 'watch'
  const written = incoming.url?.split('?', 1)[0] ?? ''
  if (written.endsWith('/')) {
    // Addresses in the page are relative to its own, without a slash at the end.
    outgoing.statusCode = 308
    outgoing.setHeader('location', `../${mode}${incoming.url?.slice(written.length) ?? ''}`)
    outgoing.end()
    return
  }
  const found = await admit(deps, request, incoming)
  if (!('page' in found)) {
    sendPage(incoming, outgoing, found.status, renderRefusal(entry, found.title, found.sentence))
    return
  }
  sendPage(incoming, outgoing, 200, renderFound(deps, request, { ...found.page, mode, entry }))
}

/** What a page is about: a video, or a live input. */
type Found = {
  readonly status: PageStatus
  readonly details: PlayerPageConfig['details']
  readonly allowedOrigins: readonly string[]
}

/** What the page is about, or what it says instead. */
async function admit(
  deps: PageDeps,
  request: ByteRequest,
  incoming: IncomingMessage,
): Promise<{ readonly page: Found } | Refused> {
  try {
    const page = await find(deps, request)
    return refuseFrame(page, incoming, request.publicUrl) ?? { page }
  } catch (error) {
    const refused = describeRefusal(error, request.params['id'] ?? '')
    if (refused === undefined) throw error
    return refused
  }
}

/** The video of an id, else the live input. Throws `not_found`, `playback_token_required` or `playback_refused`. */
async function find(deps: PageDeps, { params, viewer }: ByteRequest): Promise<Found> {
  const asked = { id: params['id'] ?? '', viewer }
  try {
    const { video } = await deps.admissions.admit(asked)
    const early = (await deps.early.get(video)) !== undefined
    const status = await presentVideoStatus(deps.db, video, early)
    return { status, details: presentDetails(video), allowedOrigins: video.allowedOrigins }
  } catch (error) {
    if (!isFailure(error, 'not_found')) throw error
    // Which page it is framed by is the browser's to check, by the policy of this one.
    const input = await new InputAdmissions(deps).admit(asked)
    return {
      status: presentInput(input, deps.broadcasts),
      details: NO_DETAILS,
      allowedOrigins: originsOf(input),
    }
  }
}

function renderFound(
  deps: PageDeps,
  request: ByteRequest,
  found: Found & { mode: 'watch' | 'iframe'; entry: EntryFiles },
): Page {
  const { mode, status, details, allowedOrigins, entry } = found
  const engine = deps.files?.entry(ENGINE)
  const pictures = [request.query.get('poster'), details.logo].map(originOf)
  return renderPlayer({
    config: { mode, id: request.params['id'] ?? '', details, status },
    files: entry,
    preloads: engine === undefined ? [] : [engine.script],
    frameAncestors: mode === 'watch' ? "'none'" : frameAncestors(allowedOrigins),
    pictureOrigins: [...new Set(pictures.filter((origin) => origin !== null))],
  })
}

/**
 * Who may frame the player (playback §5.1, §7): the video's patterns, each with both schemes as the patterns mean it;
 * null when anybody may.
 */
function frameAncestors(patterns: readonly string[]): string | null {
  if (patterns.length === 0 || patterns.includes('*')) return null
  return patterns.flatMap((pattern) => [`http://${pattern}`, `https://${pattern}`]).join(' ')
}

/** Only an origin goes into the policy: a whole address could bring further directives along. */
function originOf(address: string | null): string | null {
  const url = address === null ? null : URL.parse(address)
  return url !== null && /^https?:$/.test(url.protocol) ? url.origin : null
}

async function sendStatus(
  deps: PageDeps,
  request: ByteRequest,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  sendJson(incoming, outgoing, (await find(deps, request)).status, 'no-store')
}

function sendPage(incoming: IncomingMessage, outgoing: ServerResponse, status: number, page: Page): void {
  const body = Buffer.from(page.html)
  outgoing.statusCode = status
  outgoing.setHeader('content-type', 'text/html; charset=utf-8')
  outgoing.setHeader('content-security-policy', page.policy)
  outgoing.setHeader('cache-control', 'private, no-cache')
  outgoing.setHeader('referrer-policy', 'strict-origin-when-cross-origin')
  outgoing.setHeader('permissions-policy', PERMISSIONS)
  if (page.isolated) outgoing.setHeader('cross-origin-opener-policy', 'same-origin')
  else outgoing.setHeader('cross-origin-resource-policy', 'cross-origin')
  outgoing.setHeader('content-length', body.length)
  outgoing.end(incoming.method === 'HEAD' ? undefined : body)
}

function sendNotBuilt(incoming: IncomingMessage, outgoing: ServerResponse): void {
  const body = Buffer.from(`${NOT_BUILT}\n`)
  outgoing.statusCode = 503
  outgoing.setHeader('content-type', 'text/plain; charset=utf-8')
  outgoing.setHeader('cache-control', 'no-store')
  outgoing.setHeader('content-length', body.length)
  outgoing.end(incoming.method === 'HEAD' ? undefined : body)
}

function built(deps: PageDeps): StaticFiles {
  if (deps.files === undefined) throw new HeadwaterError('not_found', NOT_BUILT)
  return deps.files
}

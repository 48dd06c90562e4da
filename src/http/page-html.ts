/** The HTML of our pages, and the policy each is sent with. Scripts and styles are files; a page holds data only. */

import type { PlayerPageConfig } from './page-status.ts'
import type { EntryFiles } from './static-files.ts'

/** A page, ready to be sent. */
export type Page = {
  readonly html: string
  readonly policy: string
  /** Whether no page of another origin may hold it: neither in a frame nor by the window that it opened. */
  readonly isolated: boolean
}

/** The dashboard; `root` leads from the page's folder to the root, e.g. `../`. */
export function renderDashboard(files: EntryFiles, root: string): Page {
  return {
    html: renderDocument({
      title: 'Headwater',
      attributes: 'data-page="dashboard"',
      head: `${renderLinks(files, root)}\n<script type="module" src="${root}${files.script}"></script>`,
      body: '<div id="root"></div>\n<noscript>The dashboard needs JavaScript.</noscript>',
      root,
    }),
    policy: policy({ 'img-src': "'self' data: blob:", 'frame-src': "'self'", 'frame-ancestors': "'none'" }),
    isolated: true,
  }
}

export type PlayerPage = {
  readonly config: PlayerPageConfig
  readonly files: EntryFiles
  /** Scripts the player will ask for next. */
  readonly preloads: readonly string[]
  /** Who may frame the page: sources of `frame-ancestors`; null = anybody. */
  readonly frameAncestors: string | null
  /** Origins of pictures on other hosts: poster, logo. */
  readonly pictureOrigins: readonly string[]
}

/** `/<id>/watch` and `/<id>/iframe`. */
export function renderPlayer(page: PlayerPage): Page {
  const { config, files } = page
  const title = config.details.title ?? (config.status.live?.isInput ? 'Live stream' : 'Video')
  const root = '../'
  const preloads = page.preloads.map((path) => `<link rel="modulepreload" href="${root}${path}">`)
  return {
    html: renderDocument({
      title,
      attributes: `data-mode="${config.mode}"`,
      head: [
        renderLinks(files, root),
        ...preloads,
        `<script type="module" src="${root}${files.script}"></script>`,
      ].join('\n'),
      body: `<main id="player"></main>
<script type="application/json" id="headwater">${escapeJson(JSON.stringify(config))}</script>
<noscript>The player needs JavaScript.</noscript>`,
      root,
    }),
    policy: policy({
      'img-src': ["'self' data:", ...page.pictureOrigins].join(' '),
      // `data:` is the empty file that hls.js gives its text tracks.
      'media-src': "'self' blob: data:",
      ...(page.frameAncestors === null ? {} : { 'frame-ancestors': page.frameAncestors }),
    }),
    isolated: false,
  }
}

/** A page that only says why there is no video; same looks, no script. */
export function renderRefusal(files: EntryFiles | undefined, title: string, sentence: string): Page {
  const root = '../'
  return {
    html: renderDocument({
      title,
      attributes: 'data-mode="watch"',
      head: files === undefined ? '' : renderStyles(files, root),
      body: `<main id="player"><div class="notice" data-tone="wrong"><div class="notice-body">
<div class="notice-mark" aria-hidden="true"></div>
<h1 class="notice-title">${escapeHtml(title)}</h1>
<p class="notice-sentence">${escapeHtml(sentence)}</p>
</div></div></main>`,
      root,
    }),
    policy: policy({}),
    isolated: false,
  }
}

type Parts = {
  readonly title: string
  readonly attributes: string
  readonly head: string
  readonly body: string
  readonly root: string
}

function renderDocument({ title, attributes, head, body, root }: Parts): string {
  return `<!doctype html>
<html lang="en" ${attributes}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" type="image/svg+xml" href="${root}favicon.svg">
${head}
</head>
<body>
${body}
</body>
</html>
`
}

function renderLinks(files: EntryFiles, root: string): string {
  const preloads = files.preloads.map((path) => `<link rel="modulepreload" href="${root}${path}">`)
  return [renderStyles(files, root), ...preloads].join('\n')
}

function renderStyles(files: EntryFiles, root: string): string {
  return files.styles.map((path) => `<link rel="stylesheet" href="${root}${path}">`).join('\n')
}

/**
 * Content-Security-Policy Level 3. Everything comes from this server and no script stands in a page. Styles may be
 * inline: the player's controls and the dashboard's dialogs bring theirs in shadow trees and style elements.
 */
function policy(more: Readonly<Record<string, string>>): string {
  const directives = {
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self' 'unsafe-inline'",
    'font-src': "'self'",
    'img-src': "'self' data:",
    'connect-src': "'self'",
    'base-uri': "'none'",
    'form-action': "'self'",
    ...more,
  }
  return Object.entries(directives)
    .map(([name, value]) => `${name} ${value}`)
    .join('; ')
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** Keeps JSON from ending the script element that holds it (HTML §4.12.1.3). */
function escapeJson(json: string): string {
  return json.replaceAll('<', '\\u003c')
}

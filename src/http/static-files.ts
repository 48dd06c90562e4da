/**
 * The built web pages' files (`web/dist`), read once at start and kept in memory: some two megabytes, compressed by the
 * build, so that a request costs a look-up and a write.
 */

import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { accepts } from './content-coding.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
}

/** One file in every form it can be sent in. */
export type StaticFile = {
  readonly type: string
  /** Strong, from the content. */
  readonly etag: string
  readonly bytes: Buffer
  readonly brotli: Buffer | undefined
  readonly gzip: Buffer | undefined
}

/** What a page needs for one entry of the bundle; paths relative to the root, e.g. `assets/player-1a2b.js`. */
export type EntryFiles = {
  readonly script: string
  readonly styles: readonly string[]
  /** Scripts the entry loads at once or soon; worth fetching beside it. */
  readonly preloads: readonly string[]
}

type Manifest = Readonly<
  Record<string, { file: string; css?: string[]; imports?: string[]; dynamicImports?: string[] } | undefined>
>

/** The files below one folder, by path. */
export class StaticFiles {
  readonly #files: ReadonlyMap<string, StaticFile>
  readonly #manifest: Manifest

  constructor(files: ReadonlyMap<string, StaticFile>, manifest: Manifest) {
    this.#files = files
    this.#manifest = manifest
  }

  /** The file at `path` (relative, e.g. `assets/player-1a2b.js`). */
  find(path: string): StaticFile | undefined {
    return this.#files.get(path)
  }

  /** What the entry with that source file (e.g. `player/main.ts`) is made of; `undefined` when it was not built. */
  entry(source: string): EntryFiles | undefined {
    const chunk = this.#manifest[source]
    if (chunk === undefined) return undefined
    const imported = chunk.imports ?? []
    const preloads = imported.map((key) => this.#manifest[key]?.file)
    const styles = [chunk, ...imported.map((key) => this.#manifest[key])].flatMap((each) => each?.css ?? [])
    return { script: chunk.file, styles, preloads: preloads.filter((file) => file !== undefined) }
  }
}

/** Reads everything in `folder`; `undefined` when it has not been built. */
export async function readStaticFiles(folder: string): Promise<StaticFiles | undefined> {
  const manifest = await readFile(join(folder, 'manifest.json'), 'utf8').catch(() => undefined)
  if (manifest === undefined) return undefined
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = new Map<string, StaticFile>()
  for (const entry of entries) {
    const type = TYPES[extname(entry.name)]
    if (!entry.isFile() || type === undefined || entry.name === 'manifest.json') continue
    const path = join(entry.parentPath, entry.name)
    files.set(path.slice(folder.length + 1).replaceAll('\\', '/'), await readStaticFile(path, type))
  }
  return new StaticFiles(files, JSON.parse(manifest) as Manifest)
}

async function readStaticFile(path: string, type: string): Promise<StaticFile> {
  const optional = (suffix: string) => readFile(path + suffix).catch(() => undefined)
  const [bytes, brotli, gzip] = await Promise.all([readFile(path), optional('.br'), optional('.gz')])
  const etag = createHash('sha256').update(bytes).digest('base64url').slice(0, 22)
  return { type, etag, bytes, brotli, gzip }
}

/** Answers a `GET` or `HEAD` with `file`, in the smallest form the client takes; 304 when it has it already. */
export function sendStaticFile(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  file: StaticFile,
  cacheControl: string,
): void {
  const { bytes, encoding } = chooseForm(file, incoming.headers['accept-encoding'] ?? '')
  // Each form is another representation, so each has a tag of its own (RFC 9110 §8.8.3.3).
  const etag = `"${file.etag}${encoding === undefined ? '' : `-${encoding}`}"`
  outgoing.setHeader('content-type', file.type)
  outgoing.setHeader('cache-control', cacheControl)
  outgoing.setHeader('etag', etag)
  outgoing.setHeader('vary', 'accept-encoding')
  // Fonts, scripts and pictures of the player, also inside pages that load nothing that does not say so.
  outgoing.setHeader('cross-origin-resource-policy', 'cross-origin')
  if (incoming.headers['if-none-match']?.split(',').some((tag) => tag.trim() === etag)) {
    outgoing.statusCode = 304
    outgoing.end()
    return
  }
  if (encoding !== undefined) outgoing.setHeader('content-encoding', encoding)
  outgoing.setHeader('content-length', bytes.length)
  outgoing.end(incoming.method === 'HEAD' ? undefined : bytes)
}

function chooseForm(
  file: StaticFile,
  accepted: string,
): { bytes: Buffer; encoding: 'br' | 'gzip' | undefined } {
  if (file.brotli !== undefined && accepts(accepted, 'br')) return { bytes: file.brotli, encoding: 'br' }
  if (file.gzip !== undefined && accepts(accepted, 'gzip')) return { bytes: file.gzip, encoding: 'gzip' }
  return { bytes: file.bytes, encoding: undefined }
}

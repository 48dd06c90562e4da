/**
 * Stacks that name the files and lines of `src` where the program runs as built (`scripts/build-server.mjs` has every thread
 * and process import this first). Node's own `--enable-source-maps` reads every map at start, which costs 12 MB for good;
 * here one is read when a stack is looked at that needs it, and forgotten when memory is wanted.
 */

import { readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { fileURLToPath } from 'node:url'

/** A place in a built file, as a line of a stack ends. */
const PLACE = /(file:\/\/[^\s()]+\.js):(\d+):(\d+)/

const maps = new Map<string, WeakRef<SourceMap>>()

Error.prepareStackTrace = (error, sites) =>
  [
    Error.prototype.toString.call(error),
    // oxlint-disable-next-line typescript/no-base-to-string -- a call site's own gives its line of the stack
    ...sites.map((site) => `    at ${realPlace(String(site))}`),
  ].join('\n')

function realPlace(line: string): string {
  return line.replace(PLACE, (place, file: string, row: string, column: string) => {
    try {
      const origin = mapOf(file).findOrigin(Number(row), Number(column))
      if (!('fileName' in origin)) return place
      return `${new URL(origin.fileName, file).href}:${origin.lineNumber}:${origin.columnNumber}`
    } catch {
      // A file without a map, not one of ours: its own place is the real one.
      return place
    }
  })
}

function mapOf(file: string): SourceMap {
  const known = maps.get(file)?.deref()
  if (known !== undefined) return known
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by our own build
  const payload = JSON.parse(readFileSync(fileURLToPath(`${file}.map`), 'utf8')) as SourceMapPayload
  const map = new SourceMap(payload)
  maps.set(file, new WeakRef(map))
  return map
}

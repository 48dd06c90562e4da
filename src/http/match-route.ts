/** Finds the byte route of a request without trying twenty expressions on each: most are out by their first letters. */

import type { IncomingMessage } from 'node:http'
import { formatPattern } from './metrics.ts'
import type { ByteRoute } from './route.ts'

/** A route that takes the request, and the named parts of its path. */
export type RouteMatch = {
  readonly route: ByteRoute
  readonly params: Readonly<Record<string, string>>
  /** The pattern as people read it. */
  readonly template: string
}

/** Finds the first route, in the order given, whose pattern fits the path and which accepts the request. */
export type MatchRoute = (path: string, method: string, incoming: IncomingMessage) => RouteMatch | undefined

/** Prepares the look-up. */
export function createMatchRoute(routes: readonly ByteRoute[]): MatchRoute {
  const prepared = routes.map((route) => ({
    route,
    prefix: literalPrefix(route.pattern),
    second: literalSecond(route.pattern),
    template: formatPattern(route.pattern),
  }))
  return (path, method, incoming) => {
    const slash = path.indexOf('/', 1)
    for (const { route, prefix, second, template } of prepared) {
      if (!path.startsWith(prefix) || !path.startsWith(second, slash)) continue
      const found = route.pattern.exec(path)
      if (found === null || route.accepts?.(method, incoming) === false) continue
      return { route, template, params: { ...found.groups } }
    }
    return undefined
  }
}

/**
 * Where a pattern begins with the id of a video, the letters that every path which fits has from its second slash on;
 * else `''`.
 */
export function literalSecond(pattern: RegExp): string {
  const { source } = pattern
  if (!source.startsWith(ID_SOURCE + SLASH_SOURCE) || hasOuterAlternative(source)) return ''
  return literalPrefix(new RegExp(`^${source.slice(ID_SOURCE.length)}`, pattern.flags))
}

/** How every pattern says that an id comes first, and something after it. */
const ID_SOURCE = '^\\/(?<id>[^/]+)'
const SLASH_SOURCE = '\\/'

/** The letters every path that fits begins with; `''` where the pattern does not tell at a glance. */
export function literalPrefix(pattern: RegExp): string {
  const { source, flags } = pattern
  if (!source.startsWith('^') || /[imsvyg]/.test(flags) || hasOuterAlternative(source)) return ''
  let prefix = ''
  for (let at = 1; at < source.length; at += 1) {
    const escaped = source[at] === '\\'
    const letter = source[escaped ? at + 1 : at] ?? ''
    const literal = escaped ? /[^A-Za-z0-9]/.test(letter) : /[A-Za-z0-9/_ ~:@!,;=&%'"<>-]/.test(letter)
    if (!literal) break
    at += escaped ? 1 : 0
    // A quantifier makes the letter before it optional.
    if (/[?*{]/.test(source[at + 1] ?? '')) break
    prefix += letter
  }
  return prefix
}

function hasOuterAlternative(source: string): boolean {
  const flat = source.replace(/\\./g, '').replace(/\[[^\]]*\]/g, '')
  let depth = 0
  for (const letter of flat) {
    if (letter === '(') depth += 1
    else if (letter === ')') depth -= 1
    else if (letter === '|' && depth === 0) return true
  }
  return false
}

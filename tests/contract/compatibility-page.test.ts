/** docs/compatibility.md is complete: whatever a version of the official SDK can call is served, and has a row. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiServer, startApi } from '../harness/api-server.ts'

const PROJECT = join(import.meta.dirname, '../..')
const PACKAGES = ['cloudflare-4', 'cloudflare-5', 'cloudflare-6', 'cloudflare']
/** Methods of the API have the names of those of the SDK's client, but lists have some of their own. */
const CALL = /_client\.(\w+)\((?:\(0, \w+\.path\) )?`(\/accounts\/\$\{account_id\}\/stream[^`]*)`/g

let server: ApiServer
beforeAll(async () => {
  server = await startApi()
})
afterAll(() => server.close())

/** `GET ~/{}/captions` and the like, of one version of the SDK. */
function callsOf(name: string): ReadonlySet<string> {
  const folder = join(PROJECT, 'node_modules', name, 'resources/stream')
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.js'),
  )
  const calls = files.flatMap((file) => [...readFileSync(join(folder, file), 'utf8').matchAll(CALL)])
  return new Set(
    calls.map(([, verb = '', path = '']) => {
      const method = verb.startsWith('get') ? 'GET' : verb.toUpperCase()
      return `${method} ${shorten(path.replaceAll(/\$\{\w+\}/g, '{}'))}`
    }),
  )
}

const shorten = (path: string) => path.replace(/^\/accounts\/\{\}\/stream/, '~')

/** Addresses in the first column of the page's tables; an ellipsis stands for what another row has written out. */
function rowsOf(page: string): readonly string[] {
  const cells = [...page.matchAll(/^\| (.*?[^\\]) \|/gm)].map(([, cell = '']) => cell)
  return cells.flatMap((cell) =>
    [...cell.matchAll(/`(?:[A-Z]+ )?([~…/][^` ]*)`/g)].map(([, path = '']) =>
      path.replaceAll(/\{[^}]*\}/g, '{}'),
    ),
  )
}

function isNamed(rows: readonly string[], path: string): boolean {
  return rows.some((row) => {
    if (row.startsWith('…')) return path.endsWith(row.slice(1))
    if (row.endsWith('…')) return path.startsWith(row.slice(0, -1))
    return row === path || (row.startsWith('/') && path.endsWith(row))
  })
}

test.each(PACKAGES)('every call of %s is served and has a row', async (name) => {
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, unknown>>
  }
  const served = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(
      (method) =>
        `${method.toUpperCase()} ${shorten(path.replace('/client/v4', '').replaceAll(/\{\w+\}/g, '{}'))}`,
    ),
  )
  const calls = [...callsOf(name)]
  // Fewer would mean that the SDK is written in a way that is not read here.
  expect(calls.length).toBeGreaterThan(40)
  expect(calls.filter((call) => !served.includes(call))).toEqual([])
  const rows = rowsOf(readFileSync(join(PROJECT, 'docs/compatibility.md'), 'utf8'))
  expect(calls.filter((call) => !isNamed(rows, call.split(' ')[1] ?? ''))).toEqual([])
})

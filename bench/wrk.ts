/** wrk: as many requests as so many connections can make, over a list of addresses. */

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** Of one run. */
export type LoadFigures = { readonly requestsPerSecond: number; readonly bytesPerSecond: number }

export type Load = {
  /** Of one server; each connection goes through them in turn. */
  readonly urls: readonly string[]
  readonly connections: number
  readonly seconds: number
  /** Whether each request has a header that no other has. */
  readonly varied?: boolean
  /** Where the script for wrk is put. */
  readonly folder: string
}

/** Throws when wrk is not installed, or any answer was not one of success. */
export async function putUnderLoad({
  urls,
  connections,
  seconds,
  varied,
  folder,
}: Load): Promise<LoadFigures> {
  const [first = ''] = urls
  const script = join(folder, 'paths.lua')
  const paths = urls.map((url) => JSON.stringify(new URL(url).pathname)).join(', ')
  // Written once as far as it can be: what wrk computes, it takes from the server.
  const next = varied ? VARIED : 'written[at % #paths + 1]'
  await writeFile(script, `${SCRIPT.replace('PATHS', paths).replace('NEXT', next)}\n`)
  const args = [
    '-t',
    '1',
    '--timeout',
    '30s',
    '-c',
    String(connections),
    '-d',
    `${seconds}s`,
    '-s',
    script,
    new URL(first).origin,
  ]
  const { stdout } = await execute('wrk', args).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new Error('wrk could not be started; on Debian: apt-get install wrk', { cause: error })
  })
  const [, requests, bytes, us, wrong] = /^FIGURES (\d+) (\d+) (\d+) (\d+)$/m.exec(stdout) ?? []
  if (us === undefined || wrong !== '0') throw new Error(`wrk met failures:\n${stdout}`)
  const elapsed = Number(us) / 1e6
  return { requestsPerSecond: Number(requests) / elapsed, bytesPerSecond: Number(bytes) / elapsed }
}

const VARIED = 'wrk.format("GET", paths[at % #paths + 1], { ["X-Turn"] = tostring(at) })'
const SCRIPT = `local paths = { PATHS }
local written = {}
local at = 0
function init()
  for i, path in ipairs(paths) do written[i] = wrk.format("GET", path) end
end
function request()
  at = at + 1
  return NEXT
end
function done(summary)
  local e = summary.errors
  print(string.format("FIGURES %d %d %d %d", summary.requests, summary.bytes, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout))
end`

/** `npm run bench -- NAME [options]`: each benchmark in a process of its own, so that one does not warm or burden another. */

import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** What each measures; all are measured on this machine, side by side in one run, over loopback only. */
const BENCHMARKS: Readonly<Record<string, string>> = {
  instant: 'last byte of an upload → first segment that decodes; sources of 10 s, 10 min and 2 h, and HEVC',
  upload:
    '1 GiB by tus against the reference server and a plain write; 100 uploads at once; beside 10,000 unfinished',
  clip: 'asking for a clip of ten minutes of two hours → ready, whole, and a download of it',
  encode: 'the whole ladder against one hand-written ffmpeg command',
  deliver:
    'segments, manifests and tokens at 32 connections against nginx on the same files; memory at 256; p99 at 50 a second',
  images: 'thumbnails, the first time and again',
  library: 'lists, filters, search, details, storage usage and insertion at 1 k, 100 k and 1 M videos',
  live: 'broadcasts: glass to glass by every way, cost of passing through, recording as sent (`short`: a minute)',
  stalls: 'how long the event loop stands still at most, by what the server does meanwhile',
  start: 'start → /readyz, and idle memory',
}

const [name = '', ...args] = process.argv.slice(2)
const file = join(import.meta.dirname, `${name}.ts`)
if (Object.hasOwn(BENCHMARKS, name) && existsSync(file)) {
  // What `npm start` does before it: what is measured is the program as users run it.
  const cwd = join(import.meta.dirname, '..')
  execFileSync(process.execPath, ['scripts/prepare.mjs', 'start'], { cwd, stdio: 'inherit' })
  const child = spawn(process.execPath, [file, ...args], { stdio: 'inherit' })
  child.on('close', (code) => {
    process.exitCode = code ?? 1
  })
} else {
  const list = Object.entries(BENCHMARKS).map(([each, measures]) => `  ${each.padEnd(8)} ${measures}`)
  process.stdout.write(`npm run bench -- NAME\n\n${list.join('\n')}\n`)
  process.exitCode = name === '' ? 0 : 2
}

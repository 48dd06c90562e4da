/** `headwater doctor`: what was found, what is missing, and the remedy. Changes nothing. */

import { access, constants, mkdtemp, rm, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeCage, findCage, findFfmpeg } from '../adapters/ffmpeg/index.ts'
import { findSrt, SRT_PACKAGE } from '../adapters/srt/index.ts'
import { childEnvironment } from '../config/child-environment.ts'
import { findProgram } from '../config/find-program.ts'
import { PROJECT_FOLDER } from '../config/own-files.ts'
import { readSettings, type Settings } from '../config/settings.ts'
import { warnOfUnknownSettings } from '../config/unknown-settings.ts'
import { VERSION } from '../config/version.ts'
import { isFailure } from '../lib/failure.ts'
import { silentLog } from '../lib/log.ts'
import { isRunning, serverUrl } from './api-client.ts'
import { formatBytes } from './progress-line.ts'

/** `ok`: as it should be; `less`: works without, but not as well; `missing`: needed. */
type Finding = {
  readonly state: 'ok' | 'less' | 'missing'
  readonly what: string
  readonly found: string
  /** What to do; absent when all is well. */
  readonly remedy?: string
}

const MARKS = { ok: 'ok      ', less: 'less    ', missing: 'MISSING ' } as const
const NEEDED_NODE = 24
/** Without these nothing can be encoded. */
const NEEDED_ENCODERS = ['libx264', 'aac', 'mjpeg']
const NEEDED_FILTERS = ['scale', 'fps', 'format', 'split', 'aresample']
/** HDR sources look flat without them. */
const HDR_FILTERS = ['zscale', 'tonemap']
/** Runs the command; resolves with the exit code: 1 when something needed is missing. */
export async function doctor(args: string[]): Promise<number> {
  parseArgs({ args, options: {} })
  process.stdout.write(`Headwater ${VERSION}\n\n`)
  const findings = [checkNode(), ...(await checkSettings()), await checkWebPages(), checkBrowser()]
  for (const finding of findings) {
    process.stdout.write(`${MARKS[finding.state]}${finding.what}: ${finding.found}\n`)
    if (finding.remedy) process.stdout.write(`        -> ${finding.remedy}\n`)
  }
  const missing = findings.filter((finding) => finding.state === 'missing').length
  process.stdout.write(
    missing === 0 ? '\nEverything needed is there.\n' : `\nNeeded and missing: ${missing}.\n`,
  )
  return missing === 0 ? 0 : 1
}

function checkNode(): Finding {
  const found = `${process.versions.node} (${process.execPath})`
  const [major = '0'] = process.versions.node.split('.')
  if (Number(major) >= NEEDED_NODE) return { state: 'ok', what: 'Node', found }
  const remedy = `needs Node ${NEEDED_NODE} or newer: run "npm install", which brings one`
  return { state: 'missing', what: 'Node', found, remedy }
}

async function checkSettings(): Promise<Finding[]> {
  const warnings = warnOfUnknownSettings().map(
    (sentence): Finding => ({ state: 'less', what: 'setting', found: sentence }),
  )
  try {
    const settings = readSettings()
    return [
      ...warnings,
      ...(await checkFfmpeg(settings)),
      await checkDataFolder(settings),
      await checkPort(settings),
      ...(await checkSrt(settings)),
    ]
  } catch (error) {
    if (!isFailure(error, 'setting_invalid')) throw error
    const wrong = error.message
      .split('\n')
      .map((sentence): Finding => ({ state: 'missing', what: 'setting', found: sentence }))
    return [...warnings, ...wrong]
  }
}

async function checkFfmpeg(settings: Settings): Promise<Finding[]> {
  try {
    const build = await findFfmpeg(settings.ffmpeg === null ? {} : { path: settings.ffmpeg })
    const lacks = (names: readonly string[], has: ReadonlySet<string>) =>
      names.filter((name) => !has.has(name))
    const needed = [...lacks(NEEDED_ENCODERS, build.encoders), ...lacks(NEEDED_FILTERS, build.filters)]
    const hdr = lacks(HDR_FILTERS, build.filters)
    const what = 'ffmpeg'
    const found = `${build.version} (${build.path})`
    const cage = await checkCage(settings, build.path)
    if (needed.length > 0) {
      const remedy = 'install a full build, such as the package ffmpeg of Debian'
      return [{ state: 'missing', what, found: `${found}, without ${needed.join(', ')}`, remedy }, ...cage]
    }
    if (hdr.length === 0) return [{ state: 'ok', what, found }, ...cage]
    const remedy = 'HDR videos will look pale; install a build with zimg'
    return [{ state: 'less', what, found: `${found}, without ${hdr.join(', ')}`, remedy }, ...cage]
  } catch (error) {
    if (!isFailure(error, 'decoder_missing')) throw error
    const remedy =
      'install ffmpeg 5.1 or newer (Debian: sudo apt-get install ffmpeg), or set HEADWATER_FFMPEG'
    return [{ state: 'missing', what: 'ffmpeg', found: error.message, remedy }]
  }
}

async function checkDataFolder(settings: Settings): Promise<Finding> {
  const what = `data folder ${settings.dataDir}`
  const folder = await nearestFolder(settings.dataDir)
  try {
    await access(folder, constants.W_OK)
  } catch (error) {
    const remedy = 'give this user the right to write there, or set HEADWATER_DATA_DIR'
    return { state: 'missing', what, found: `cannot be written (${String(error)})`, remedy }
  }
  const { bavail, bsize } = await statfs(folder)
  const found = `${folder === settings.dataDir ? 'writable' : 'can be made'}, ${formatBytes(bavail * bsize)} free`
  if (bavail * bsize >= settings.minFreeBytes) return { state: 'ok', what, found }
  const remedy = `uploads are refused below ${formatBytes(settings.minFreeBytes)}: make room, or lower HEADWATER_MIN_FREE_BYTES`
  return { state: 'missing', what, found, remedy }
}

/** `path`, or the nearest folder above it that exists. */
async function nearestFolder(path: string): Promise<string> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  )
  return exists || dirname(path) === path ? path : nearestFolder(dirname(path))
}

async function checkPort(settings: Settings): Promise<Finding> {
  const what = `port ${settings.port} on ${settings.host}`
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const probe = createServer()
  probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  probe.listen(settings.port, settings.host, () => probe.close(() => resolve(undefined)))
  const problem = await promise
  if (problem === undefined) return { state: 'ok', what, found: 'free' }
  if (problem === 'EADDRINUSE' && (await isRunning(serverUrl(settings, {})))) {
    return { state: 'ok', what, found: 'a server is running there' }
  }
  const found = problem === 'EADDRINUSE' ? 'taken by another program' : `cannot be used (${problem})`
  return { state: 'missing', what, found, remedy: 'choose another HEADWATER_PORT or HEADWATER_HOST' }
}

async function checkWebPages(): Promise<Finding> {
  const stamp = join(PROJECT_FOLDER, 'web/dist/.built-from')
  const built = await stat(stamp).catch(() => undefined)
  if (built) return { state: 'ok', what: 'web pages', found: `built ${built.mtime.toISOString()}` }
  return { state: 'missing', what: 'web pages', found: 'not built', remedy: '"npm start" builds them' }
}

/** Tries the cage in a folder of its own: the data folder may not exist yet. */
async function checkCage(settings: Settings, program: string): Promise<Finding[]> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-doctor-'))
  try {
    const mode = settings.cage === 'off' ? 'off' : 'auto'
    const reports = describeCage(await findCage({ program, folder, mode }))
    return reports.map(({ layer, present, by, protects, remedy }): Finding => {
      const what = `decoder's cage, ${layer}`
      if (present) return { state: 'ok', what, found: `${protects} (${by})` }
      const found = `missing (${by}); with it, ${protects}`
      const state = settings.cage === 'require' ? 'missing' : 'less'
      return { state, what, found, remedy: settings.cage === 'off' ? 'unset HEADWATER_CAGE' : remedy }
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function checkSrt(settings: Settings): Promise<Finding[]> {
  if (!settings.roles.includes('live') || settings.srtPort === null) return []
  const what = 'SRT'
  const found = await findSrt(childEnvironment(), silentLog)
  if ('version' in found) return [{ state: 'ok', what, found: `libsrt ${found.version} (${found.library})` }]
  const remedy = `Debian: sudo apt-get install ${SRT_PACKAGE}; or HEADWATER_SRT_PORT=off`
  return [{ state: 'less', what, found: `off: ${found.missing}`, remedy }]
}

function checkBrowser(): Finding {
  const what = 'chromium, for the tests'
  const browser = findProgram('chromium')
  if (browser) return { state: 'ok', what, found: browser }
  const remedy = 'only "npm test" needs it (Debian: sudo apt-get install chromium)'
  return { state: 'less', what, found: 'not found', remedy }
}

/**
 * Runs before `npm start` and `npm test`, on any Node from 20 on and without any package: installs what is not
 * installed, builds the web parts, the binding and the server if their sources changed, and is quick when there is nothing to do.
 *
 *   node scripts/prepare.mjs start    packages the server needs, web parts, binding, the server in few files
 *   node scripts/prepare.mjs test     all that, every other package, ffmpeg, a browser, strace, bubblewrap, GStreamer, mpv
 *   node scripts/prepare.mjs binding  only the binding: npm asks for it before it packs or links this package
 *
 * Whether packages are up to date is read from npm's own record (`node_modules/.package-lock.json`, which npm writes
 * last), so an interrupted install is simply done again. What is built carries a stamp made of its sources; it is written
 * after the build, so an interrupted build is done again too.
 */

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const mode = process.argv[2]

if (mode !== 'binding') {
  installPackages()
  buildWeb()
}
buildBinding()
if (mode !== 'binding') buildServer()
if (mode === 'test') installPrograms()

function installPackages() {
  const wanted = readJson('package-lock.json')?.packages
  if (!wanted) stop('package-lock.json is missing or damaged: restore it from the repository.')
  const present = readJson('node_modules/.package-lock.json')?.packages ?? {}
  // A full install stays one: a developer who starts the server does not lose the test tools.
  const full = mode === 'test' || Object.values(present).some((entry) => entry.dev)
  const missing = Object.entries(wanted).filter(
    ([path, entry]) =>
      path !== '' &&
      (full || !entry.dev) &&
      // Packages for other systems are in the lock file, but rightly not on this disk.
      !(entry.optional || entry.devOptional) &&
      present[path]?.version !== entry.version,
  )
  if (missing.length === 0) return
  say(`Installing packages (${missing.length} missing or changed; the first time takes about a minute) …`)
  // Not `npm ci`: it refuses a lock file made where the packages for another system could not be had. `--no-save` leaves
  // the lock file as it is, and every version in it is obeyed.
  const args = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const [program, ...before] = npmCommand()
  run(program, [...before, ...args, ...(full ? [] : ['--omit=dev'])], 'installing packages')
}

/** npm as it was started: with the Node it runs on, since an install may replace the one in node_modules. */
function npmCommand() {
  const script = process.env.npm_execpath
  const node = process.env.npm_node_execpath
  return script?.endsWith('.js') && node && existsSync(node) ? [node, script] : ['npm']
}

function buildWeb() {
  const config = join(root, 'web/vite.config.ts')
  if (!existsSync(config)) return
  const vite = join(root, 'node_modules/vite/bin/vite.js')
  const args = [vite, 'build', '--config', config, '--logLevel', 'warn']
  buildOnce('the web pages', join(root, 'web/dist/.built-from'), listFiles('web'), args)
}

/** `headwater/binding` for other programs: below `node_modules` Node runs no TypeScript. */
function buildBinding() {
  const script = 'scripts/build-binding.mjs'
  const sources = [script, ...listFiles('src/binding'), ...listFiles('src/lib')]
  buildOnce('the binding', join(root, 'dist/.built-from'), sources, [join(root, script)])
}

/**
 * The server in few files, which `bin/headwater` runs while nothing it was made of is newer than its stamp; that is why the
 * stamp gets the time of before the sources were looked at.
 */
function buildServer() {
  const script = 'scripts/build-server.mjs'
  const sources = [script, 'package.json', ...listFiles('src').filter((file) => !file.endsWith('.test.ts'))]
  const stamp = join(root, 'dist/server/.built-from')
  const lookedAt = new Date()
  buildOnce('the server', stamp, sources, [join(root, script)])
  utimesSync(stamp, lookedAt, lookedAt)
}

/** Runs the script `args` unless the stamp is that of these sources. */
function buildOnce(name, stamp, files, args) {
  const sources = hashSources(files)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return
  say(`Building ${name} …`)
  // What is half built belongs to no sources.
  rmSync(stamp, { force: true })
  const own = join(root, 'node_modules/.bin/node')
  run(existsSync(own) ? own : process.execPath, args, `building ${name}`)
  writeFileSync(stamp, sources)
}

/** SHA-256 over names and contents of everything a build reads. */
function hashSources(files) {
  const hash = createHash('sha256')
  for (const file of ['package-lock.json', ...files]) {
    const bytes = readFileSync(join(root, file))
    hash.update(`${file}\0${bytes.length}\0`).update(bytes)
  }
  return hash.digest('hex')
}

function listFiles(folder) {
  const entries = readdirSync(join(root, folder), { withFileTypes: true })
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`
      if (path === 'web/dist' || entry.name === 'node_modules') return []
      return entry.isDirectory() ? listFiles(path) : [path]
    })
}

/** The tests meet a real decoder in its cage, an independent prober and a real browser, and look at the order of system calls. */
function installPrograms() {
  const packages = { ffmpeg: 'ffmpeg', ffprobe: 'ffmpeg', chromium: 'chromium' }
  if (process.platform === 'linux') {
    packages.strace = 'strace'
    // The decoder's cage is tested behind both kinds of wall; `unshare` is always there.
    packages.bwrap = 'bubblewrap'
    // A publisher of broadcasts that is not ffmpeg: its program, and the parts of it that code, mix and send.
    packages['gst-launch-1.0'] = ['tools', 'plugins-base', 'plugins-good', 'plugins-bad'].map(
      (part) => `gstreamer1.0-${part}`,
    )
    // A viewer of broadcasts that is neither a browser nor ffmpeg's own program.
    packages.mpv = 'mpv'
  }
  const missing = Object.keys(packages).filter((program) => !isOnPath(program))
  if (process.platform === 'linux' && !hasSrt()) {
    packages.libsrt = 'libsrt1.5-gnutls'
    missing.push('libsrt')
  }
  if (missing.length === 0) return
  const names = [...new Set(missing.flatMap((program) => packages[program]))]
  const isRoot = process.getuid?.() === 0
  if (!isRoot || !isOnPath('apt-get')) {
    stop(`The tests need ${missing.join(', ')}. On Debian: sudo apt-get install ${names.join(' ')}`)
  }
  say(`Installing ${names.join(', ')} with apt-get …`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  run('apt-get', ['update', '-qq'], 'reading the package lists', env)
  run(
    'apt-get',
    ['install', '-y', '-qq', '--no-install-recommends', ...names],
    `installing ${names.join(', ')}`,
    env,
  )
}

/** SRT's library is no program, but one of two files among those that programs share; Debian's ffmpeg brings one along. */
function hasSrt() {
  const folders = [
    '/usr/lib',
    '/usr/lib64',
    '/usr/local/lib',
    '/usr/lib/x86_64-linux-gnu',
    '/usr/lib/aarch64-linux-gnu',
  ]
  return folders.some((folder) => {
    try {
      return readdirSync(folder).some((name) => /^libsrt(-gnutls|-openssl)?\.so\.1\.5$/.test(name))
    } catch {
      return false
    }
  })
}

function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return folder !== ''
    } catch {
      return false
    }
  })
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8'))
  } catch {
    return undefined
  }
}

function run(program, args, doing, env = process.env) {
  const result = spawnSync(program, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] })
  if (result.error) stop(`${doing} failed: ${program} could not be started (${result.error.message}).`)
  if (result.status !== 0) stop(`${doing} failed: see the lines above.`)
}

function say(line) {
  process.stdout.write(`${line}\n`)
}

function stop(sentence) {
  process.stderr.write(`headwater: ${sentence}\n`)
  process.exit(1)
}

/** The examples of README.md, run as they are printed against a real server; only its address is replaced. */

import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Origin, startOrigin } from '../harness/origin.ts'
import { makePng } from '../harness/png.ts'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, waitForVideo } from '../harness/server.ts'

const execute = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
/** How the README calls the server; but for the next one the only text that is replaced. */
const ADDRESS = 'http://127.0.0.1:8080'
/** A file and a receiver elsewhere; stand for ours. */
const ELSEWHERE = /https:\/\/example\.com\/(?:video\.mp4|webhook)/

type Example = { readonly language: string; readonly text: string; readonly heading: string }

const examples = readExamples(await readFile(join(ROOT, 'README.md'), 'utf8'))
const definitions = examples.find(({ text }) => text.startsWith('export '))?.text ?? ''
const shell = examples.filter(({ language, text }) => language === 'sh' && text !== definitions)
const scripts = examples.filter(({ language }) => language === 'js')

let server: TestServer
let origin: Origin
/** Account and token as the server itself made them, in its data folder. */
let caller: { apiUrl: string; accountId: string; token: string }
/** Laid out like the folder of the server: `data`, `bin`, a `video.mp4` and a `mark.png`. */
let folder = ''
/** Scripts find the packages of the project from here. */
const scriptFolder = join(ROOT, 'node_modules/.cache/headwater-readme')

beforeAll(async () => {
  server = await startServer({
    env: { HEADWATER_ACCOUNT_ID: '', HEADWATER_API_TOKEN: '', HEADWATER_ALLOW_PRIVATE_FETCH: 'true' },
  })
  origin = await startOrigin({ bytes: await readFile(await sample('h264-aac.mp4')) })
  folder = await mkdtemp(join(tmpdir(), 'headwater-readme-'))
  await rm(scriptFolder, { recursive: true, force: true })
  await execute(process.execPath, [join(ROOT, 'scripts/prepare.mjs'), 'binding'])
  await mkdir(join(scriptFolder, 'node_modules'), { recursive: true })
  await symlink(ROOT, join(scriptFolder, 'node_modules/headwater'))
  await symlink(server.dataDir, join(folder, 'data'))
  await symlink(join(ROOT, 'bin'), join(folder, 'bin'))
  await copyFile(await sample('h264-aac.mp4'), join(folder, 'video.mp4'))
  await writeFile(
    join(folder, 'mark.png'),
    makePng(16, 16, () => [255, 255, 255, 128]),
  )
  const [accountId, token] = await Promise.all(
    ['account-id', 'api-token'].map(async (name) =>
      (await readFile(join(server.dataDir, name), 'utf8')).trim(),
    ),
  )
  caller = { apiUrl: server.apiUrl, accountId: accountId ?? '', token: token ?? '' }
})

afterAll(async () => {
  await server.stop()
  await origin.stop()
  await rm(folder, { recursive: true, force: true })
  await rm(scriptFolder, { recursive: true, force: true })
})

describe('README.md', () => {
  test('has examples of every kind', () => {
    expect(shell.length).toBeGreaterThanOrEqual(4)
    expect(scripts).toHaveLength(6)
    expect(examples.some(({ language }) => language === 'html')).toBe(true)
  })

  test.each(shell)('$heading: $text', async ({ text }) => {
    expect(await run(text)).not.toBe('')
  })

  test.each(scripts)('$heading, a script', async ({ text, heading }) => {
    const script = join(scriptFolder, `${heading.replace(/\W+/g, '-')}.mjs`)
    await writeFile(script, text)
    const printed = await run(`"${process.execPath}" "${script}"`)
    expect(printed).toMatch(/\b[0-9a-f]{32}\b/)
    for (const [address] of printed.matchAll(/http\S+\/watch/g)) {
      expect(`${address} ${(await fetch(address)).status}`).toBe(`${address} 200`)
    }
  })

  test('the videos they uploaded all play', async () => {
    const videos = await callApi<{ uid: string }[]>(caller, '/stream')
    expect(videos).toHaveLength(8)
    for (const { uid } of videos) await waitForVideo(caller, uid, 'ready')
  })

  test('the addresses it names answer', async () => {
    const [video] = await callApi<{ uid: string }[]>(caller, '/stream')
    const page = await readFile(join(ROOT, 'README.md'), 'utf8')
    const paths = [...page.matchAll(/`(\/VIDEO_ID\/[^`]+)`/g)].map((match) => match[1] ?? '')
    const source = /src="http:\/\/127\.0\.0\.1:8080(\/VIDEO_ID\/[^"]+)"/.exec(page)?.[1] ?? ''
    expect(paths).toHaveLength(6)
    for (const path of [...paths, source]) {
      const response = await fetch(server.url + path.replace('VIDEO_ID', video?.uid ?? ''))
      await response.arrayBuffer()
      expect(`${path} ${response.status}`).toBe(`${path} 200`)
    }
  })

  test('every setting it names exists, and every page it links to', async () => {
    const page = await readFile(join(ROOT, 'README.md'), 'utf8')
    const reference = await readFile(join(ROOT, 'docs/settings.md'), 'utf8')
    for (const [name] of page.matchAll(/HEADWATER_[A-Z_]+/g)) expect(reference).toContain(`\`${name}\``)
    for (const [, path, heading] of page.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#([^)]+))?\)/g)) {
      const linked = await readFile(join(ROOT, path ?? ''), 'utf8')
      if (heading !== undefined) expect(anchorsOf(linked)).toContain(heading)
    }
  })
})

/** Runs a script in the folder with the README's own definitions before it; answers what it printed. */
async function run(text: string): Promise<string> {
  const script = `set -euo pipefail\n${definitions.replace(ADDRESS, server.url)}\n${text.replace(ELSEWHERE, origin.url)}`
  const { stdout } = await execute('bash', ['-c', script], { cwd: folder, timeout: 120_000 })
  return stdout
}

/** The fenced blocks of a page, with the heading each stands under. */
function readExamples(page: string): readonly Example[] {
  let heading = ''
  return [...page.matchAll(/^#+ (.+)$|^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap((match) => {
    if (match[1] !== undefined) heading = match[1]
    return match[2] === undefined ? [] : [{ language: match[2], text: match[3] ?? '', heading }]
  })
}

/** The names by which links reach the headings of a page: small letters, a hyphen for a space, no other signs. */
function anchorsOf(page: string): readonly string[] {
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replace(/\s/g, '-'),
  )
}

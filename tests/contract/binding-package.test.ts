/** `headwater/binding` as another program gets it: packed by npm, below that program's `node_modules`. */

import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiServer, startApi } from '../harness/api-server.ts'

const execute = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')

let server: ApiServer
/** The other program's folder. */
let folder = ''

beforeAll(async () => {
  server = await startApi()
  folder = await mkdtemp(join(tmpdir(), 'headwater-package-'))
  // npm builds it first, by the script `prepare` of package.json.
  const { stdout } = await execute(
    'npm',
    ['pack', '--json', '--loglevel=error', '--pack-destination', folder],
    {
      cwd: ROOT,
    },
  )
  const name = /"filename": "([^"]+\.tgz)"/.exec(stdout)?.[1] ?? ''
  await execute('tar', ['-xzf', join(folder, name), '-C', folder])
  await mkdir(join(folder, 'node_modules'))
  await rename(join(folder, 'package'), join(folder, 'node_modules/headwater'))
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const SCRIPT = `
  import { NotFoundError, StreamBinding } from 'headwater/binding'
  const [baseURL, accountId, apiToken, id] = process.argv.slice(2)
  const stream = new StreamBinding({ baseURL, accountId, apiToken })
  const [first] = await stream.videos.list({ limit: 1 })
  const error = await stream.video('0'.repeat(32)).details().catch((error) => error)
  console.log(JSON.stringify([first.id, error instanceof NotFoundError, error.name]))
`

/** The Node of the tests, and the one of this machine, which may be as old as package.json allows. */
async function findNodes(): Promise<string[]> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((each) => !each.includes('node_modules'))
  for (const each of folders) {
    const node = join(each, 'node')
    const found = await access(node).then(
      () => true,
      () => false,
    )
    if (found) return [process.execPath, node]
  }
  return [process.execPath]
}

describe('headwater/binding', async () => {
  test.each(await findNodes())('can be imported and used by %s', async (node) => {
    const { uid } = await server.addVideo()
    const script = join(folder, 'program.mjs')
    await writeFile(script, SCRIPT)
    const { stdout } = await execute(node, [script, server.apiUrl, server.accountId, server.token])
    expect(JSON.parse(stdout)).toEqual([uid, true, 'NotFoundError'])
  })

  test('brings declarations that a strict compiler takes, with Cloudflare’s types beside them or without', async () => {
    await symlink(join(ROOT, 'node_modules/@types'), join(folder, 'node_modules/@types'))
    await symlink(join(ROOT, 'node_modules/@cloudflare'), join(folder, 'node_modules/@cloudflare'))
    const options = { strict: true, noEmit: true, module: 'nodenext', target: 'es2022', skipLibCheck: false }
    for (const [name, types] of Object.entries({ node: ['node'], workers: ['@cloudflare/workers-types'] })) {
      const text = [
        `import { StreamBinding } from 'headwater/binding'`,
        `const stream = new StreamBinding({ baseURL: '', accountId: '', apiToken: '' })`,
        `export const id: Promise<string> = stream.video('').details().then((video) => video.id)`,
        name === 'workers' ? `stream satisfies StreamBindingOfWorkers` : '',
        name === 'workers'
          ? `import type { StreamBinding as StreamBindingOfWorkers } from '@cloudflare/workers-types'`
          : '',
      ].join('\n')
      await writeFile(join(folder, `${name}.mts`), text)
      const config = join(folder, `tsconfig.${name}.json`)
      const lib = ['es2022']
      await writeFile(
        config,
        JSON.stringify({ compilerOptions: { ...options, lib, types }, files: [`${name}.mts`] }),
      )
      const result = execute(join(ROOT, 'node_modules/.bin/tsc'), ['-p', config])
      await expect(result.catch((error: { stdout: string }) => error.stdout)).resolves.toMatchObject({
        stdout: '',
      })
    }
  })
})

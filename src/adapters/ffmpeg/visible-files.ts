/** Which files of the system a decoder has to see: itself, the tools of the cage, and libraries. Nothing else is there. */

import { execFile } from 'node:child_process'
import { lstat, readlink, realpath } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { CageTool, Visible } from './cage-command.ts'
import { CHILD_ENV } from './child-env.ts'

const execute = promisify(execFile)

/** Folders of shared libraries, and how the loader finds them; Debian chooses BLAS through `/etc/alternatives`. */
const LIBRARIES = [
  '/usr/lib',
  '/usr/lib32',
  '/usr/lib64',
  '/usr/local/lib',
  '/lib',
  '/lib32',
  '/lib64',
  '/etc/alternatives',
]
const LOADER_CACHE = '/etc/ld.so.cache'

/** Tools that set their layer inside the walls. */
const INSIDE = ['prlimit', 'setpriv'] as const

/** The files and links that are there. Those of a decoder that keeps its libraries elsewhere are asked of `ldd`. */
export async function findVisible(program: string, tools: ReadonlyMap<CageTool, string>): Promise<Visible> {
  const links: [string, string][] = []
  const folders: string[] = []
  const files = [
    program,
    ...INSIDE.flatMap((tool) => tools.get(tool) ?? []),
    ...(await ownLibraries(program)),
  ]
  for (const path of [...LIBRARIES, LOADER_CACHE]) {
    const facts = await lstat(path).catch(() => undefined)
    if (facts?.isSymbolicLink()) links.push([path, await readlink(path)])
    else if (facts?.isDirectory()) folders.push(path)
    else if (facts !== undefined) files.push(path)
  }
  return { links, folders, files }
}

/** Libraries outside the usual folders: of a build in a folder of its own, or of a system that has no usual folders. */
async function ownLibraries(program: string): Promise<string[]> {
  const real = await realpath(program).catch(() => program)
  if (/^\/(usr\/)?(local\/)?s?bin\//.test(real)) return []
  const { stdout } = await execute('ldd', [real], { env: CHILD_ENV, timeout: 10_000 }).catch(() => ({
    stdout: '',
  }))
  const paths = [...stdout.matchAll(/(?:=>|^)\s+(\/\S+) \(0x/gm)].map(([, path = '']) => path)
  return [...new Set(paths)].filter((path) => !LIBRARIES.some((folder) => path.startsWith(`${folder}/`)))
}

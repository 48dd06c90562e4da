/** The drawing of docs/ARCHITECTURE.md, held against the files: who may import whom, and what every file owes its reader. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { listFolders, readSourceFiles, ROOT, type SourceFile } from './architecture/source-files.ts'

const all = readSourceFiles('src')
const isTest = (file: SourceFile) => /\.test\.tsx?$/.test(file.path)
const shipped = all.filter((file) => !isTest(file))

/** What each part of `src/` may import, as prefixes of paths. A part may always import itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/lib/': [],
  'src/config/': ['src/lib/'],
  'src/media/': ['src/lib/'],
  // Runs elsewhere, as plain JavaScript: everything it imports goes with it.
  'src/binding/': ['src/lib/timestamp.ts'],
  'src/tables.ts': ['src/lib/'],
  'src/live-ports.ts': ['src/lib/', 'src/media/'],
  'src/ports.ts': [],
  'src/jobs/': ['src/lib/', 'src/ports.ts', 'src/tables.ts'],
  'src/core/': ['src/lib/', 'src/media/', 'src/ports.ts', 'src/live-ports.ts', 'src/tables.ts', 'src/jobs/'],
  'src/adapters/': [
    'src/lib/',
    'src/media/',
    'src/ports.ts',
    'src/live-ports.ts',
    'src/tables.ts',
    'src/jobs/job.ts',
  ],
  'src/http/': [
    'src/lib/',
    'src/media/',
    'src/core/',
    'src/jobs/',
    'src/ports.ts',
    'src/live-ports.ts',
    'src/tables.ts',
  ],
  'src/roles/': [
    'src/lib/',
    'src/core/',
    'src/jobs/',
    'src/http/',
    'src/ports.ts',
    'src/live-ports.ts',
    'src/tables.ts',
  ],
  'src/commands/': [
    'src/lib/',
    'src/config/',
    'src/core/',
    'src/jobs/',
    'src/adapters/',
    'src/http/',
    'src/roles/',
    'src/ports.ts',
    'src/live-ports.ts',
    'src/tables.ts',
  ],
  'src/main.ts': ['src/lib/', 'src/config/', 'src/commands/'],
}

/** Packages and `node:` modules that do no I/O, so that the pure parts may use them. */
const PURE_MODULES: Readonly<Record<string, readonly string[]>> = {
  'src/media/': ['node:buffer'],
  'src/binding/': [],
  // sharp is handed bytes and gives bytes back.
  'src/core/': ['node:buffer', 'node:crypto', 'node:util', 'kysely', 'sharp', 'zod'],
  'src/lib/': ['@node-rs/crc32', 'node:buffer', 'node:crypto', 'node:util'],
}

/** What only ports may give to the pure parts: time and chance. */
const IMPURE_WORDS =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bperformance\.now\b|\brandomBytes\b|\brandomUUID\b|\bgetRandomValues\b/

describe('imports', () => {
  test('every file of src belongs to a part with rules', () => {
    expect(shipped.filter((file) => partOf(file.path) === undefined).map((file) => file.path)).toEqual([])
  })

  test('a part imports only what the drawing allows', () => {
    const wrong = eachImport(shipped, (file, target) => {
      const part = partOf(file.path)
      if (part === undefined || target === 'package.json') return false
      return ![part, ...(MAY_IMPORT[part] ?? [])].some((prefix) => target.startsWith(prefix))
    })
    expect(wrong).toEqual([])
  })

  test("a capability's index.ts is its only door", () => {
    const wrong = eachImport(shipped, (file, target) => {
      const capability = capabilityOf(target)
      if (capability === undefined || capability === capabilityOf(file.path)) return false
      return target !== `${capability}/index.ts`
    })
    expect(wrong).toEqual([])
  })

  test('one adapter does not know another', () => {
    const wrong = eachImport(shipped, (file, target) => {
      const [from, to] = [folderOf(file.path, 3), folderOf(target, 3)]
      return file.path.startsWith('src/adapters/') && target.startsWith('src/adapters/') && from !== to
    })
    expect(wrong).toEqual([])
  })

  test('capabilities form no cycle', () => {
    expect(findCycle(capabilityGraph())).toBeUndefined()
  })

  test('files form no cycle, not even of types', () => {
    const graph = new Map(
      shipped.map((file) => [
        file.path,
        file.imports.flatMap(({ file: target }) => (target === undefined ? [] : [target])),
      ]),
    )
    expect(findCycle(graph)).toBeUndefined()
  })

  test('tests and benchmarks are imported by nothing that ships', () => {
    expect(
      eachImport(shipped, (_, target) => !target.startsWith('src/') && target !== 'package.json'),
    ).toEqual([])
  })
})

describe('purity', () => {
  test.each(Object.entries(PURE_MODULES))('%s imports only modules without I/O', (part, allowed) => {
    const wrong = shipped
      .filter((file) => file.path.startsWith(part))
      .flatMap((file) =>
        file.imports
          .filter((found) => found.file === undefined && !found.typeOnly)
          .filter((found) => !allowed.includes(found.specifier))
          .map((found) => `${file.path} imports ${found.specifier}`),
      )
    expect(wrong).toEqual([])
  })

  test('core, media and jobs are given time and chance, they do not take them', () => {
    const parts = ['src/core/', 'src/media/', 'src/jobs/']
    const pure = shipped.filter((file) => parts.some((part) => file.path.startsWith(part)))
    expect(findWords(pure, IMPURE_WORDS)).toEqual([])
  })

  test('only config reads the environment', () => {
    const others = shipped.filter((file) => !file.path.startsWith('src/config/'))
    expect(findWords(others, /\bprocess\.env\b/)).toEqual([])
  })
})

describe('what a file owes its reader', () => {
  test('every export has a doc comment, its own or that of the lines it stands with', () => {
    expect(shipped.flatMap(findBareExports)).toEqual([])
  })

  test('there is no default export', () => {
    expect(findWords(shipped, /^export default\b/)).toEqual([])
  })

  test('a file of more than 400 lines says at its top why it is "Long because …"', () => {
    const folders = ['web', 'tests', 'scripts', 'bench'].filter((folder) => existsSync(join(ROOT, folder)))
    const long = [...all, ...folders.flatMap((folder) => readSourceFiles(folder))].filter(
      (file) =>
        file.text.split('\n').length > 401 && !/^\/\*\*[\s\S]*?Long because [\s\S]*?\*\//.test(file.text),
    )
    expect(long.map((file) => file.path)).toEqual([])
  })

  test('docs/ARCHITECTURE.md knows every folder of src', () => {
    const page = readFileSync(join(ROOT, 'docs/ARCHITECTURE.md'), 'utf8')
    const unknown = listFolders('src').filter((folder) => {
      const name = folder.split('/').at(-1) ?? folder
      return !new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(page)
    })
    expect(unknown).toEqual([])
  })
})

/** `src/core/uploads` of a file in that capability; undefined for files that belong to none. */
function capabilityOf(path: string): string | undefined {
  return /^(src\/core\/[^/]+)\//.exec(path)?.[1]
}

function folderOf(path: string, depth: number): string {
  return path.split('/').slice(0, depth).join('/')
}

function partOf(path: string): string | undefined {
  return Object.keys(MAY_IMPORT).find((part) => path.startsWith(part))
}

/** `a imports b` for every import of ours that `isWrong` picks. */
function eachImport(
  files: readonly SourceFile[],
  isWrong: (file: SourceFile, target: string) => boolean,
): string[] {
  return files.flatMap((file) =>
    file.imports
      .filter((found) => found.file !== undefined && isWrong(file, found.file))
      .map((found) => `${file.path} imports ${found.file}`),
  )
}

function capabilityGraph(): Map<string, string[]> {
  const graph = new Map<string, string[]>()
  for (const file of shipped) {
    const capability = capabilityOf(file.path)
    if (capability === undefined) continue
    const targets = file.imports.flatMap((found) => capabilityOf(found.file ?? '') ?? [])
    graph.set(capability, [
      ...(graph.get(capability) ?? []),
      ...targets.filter((name) => name !== capability),
    ])
  }
  return graph
}

/** A cycle as text, `a -> b -> a`; undefined when there is none. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string | undefined {
  const done = new Set<string>()
  const visit = (node: string, trail: readonly string[]): string | undefined => {
    if (trail.includes(node)) return [...trail.slice(trail.indexOf(node)), node].join(' -> ')
    if (done.has(node)) return undefined
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...trail, node])
      if (cycle !== undefined) return cycle
    }
    done.add(node)
    return undefined
  }
  for (const node of graph.keys()) {
    const cycle = visit(node, [])
    if (cycle !== undefined) return cycle
  }
  return undefined
}

function findWords(files: readonly SourceFile[], words: RegExp): string[] {
  return files.flatMap((file) =>
    file.code.split('\n').flatMap((line, index) => {
      const found = words.exec(line)
      return found ? [`${file.path}:${index + 1} has ${found[0]}`] : []
    }),
  )
}

const EXPORT = /^export (?:abstract |async |declare )*(function\*?|class|const|type|interface) (\w+)/

/**
 * The comment a file opens with speaks for the one thing the file is about, and for its types, whose fields have comments
 * of their own.
 */
function findBareExports(file: SourceFile): string[] {
  const opensWithComment = file.text.startsWith('/**')
  const lines = file.text.split('\n')
  const bare: string[] = []
  let documented = false
  lines.forEach((line, index) => {
    const before = lines[index - 1] ?? ''
    const [, kind, name] = EXPORT.exec(line) ?? []
    if (name === undefined || (kind === 'type' && opensWithComment)) return
    if (before.trimEnd().endsWith('*/')) documented = true
    else if (before.trim() === '') documented = false
    if (!documented) bare.push(`${file.path}:${index + 1} exports ${name} without a doc comment`)
  })
  return opensWithComment ? bare.slice(1) : bare
}

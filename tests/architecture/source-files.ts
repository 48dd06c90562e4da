/** Reads the source tree as text: files, what they import, which layer and capability they belong to. */

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Root of the repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** One `import` or `export … from`. */
export type Import = {
  /** As written. */
  readonly specifier: string
  /** Path relative to the root, for files of ours; undefined for packages and `node:` modules. */
  readonly file: string | undefined
  /** Erased at run time. */
  readonly typeOnly: boolean
}

/** One TypeScript file. */
export type SourceFile = {
  /** Relative to the root, with `/`. */
  readonly path: string
  readonly text: string
  /** The text without comments and the insides of strings, lines kept; for looking for words of code. */
  readonly code: string
  readonly imports: readonly Import[]
}

/** Every `.ts` and `.tsx` file below `folder`, tests included. */
export function readSourceFiles(folder: string): readonly SourceFile[] {
  return listFolder(join(ROOT, folder))
    .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.d.ts'))
    .map((path) => {
      const text = readFileSync(path, 'utf8')
      const name = relative(ROOT, path).split(sep).join('/')
      return { path: name, text, code: blankOut(text), imports: findImports(name, text) }
    })
}

/** Folders below `folder`, relative to it. */
export function listFolders(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => relative(join(ROOT, folder), join(entry.parentPath, entry.name)))
    .map((path) => path.split(sep).join('/'))
    .sort()
}

function listFolder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules' || entry.name === 'dist') return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? listFolder(path) : [path]
  })
}

const STATEMENT = /^[ \t]*(import|export)\s+(type\s+)?(?:[\w*{][^'"`;]*?\sfrom\s+)?(['"])([^'"\n]+)\3/gm
const CALL = /\bimport\(\s*(['"])([^'"\n]+)\1\s*\)/g

function findImports(path: string, text: string): Import[] {
  const statements = [...text.matchAll(STATEMENT)].map((match) => {
    const specifier = match[4] ?? ''
    const names = /\{([^}]*)\}/.exec(match[0])?.[1]
    const everyNameIsType =
      names !== undefined && names.split(',').every((name) => name.trim() === '' || /^\s*type\s/.test(name))
    return { specifier, typeOnly: match[2] !== undefined || everyNameIsType }
  })
  const calls = [...text.matchAll(CALL)].map((match) => ({ specifier: match[2] ?? '', typeOnly: false }))
  return [...statements, ...calls].map((found) => ({
    ...found,
    file: found.specifier.startsWith('.')
      ? relative(ROOT, resolve(ROOT, dirname(path), found.specifier))
          .split(sep)
          .join('/')
      : undefined,
  }))
}

/** Comments and the contents of plain strings become spaces. */
function blankOut(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, (found) =>
    found.replace(/[^\n]/g, ' '),
  )
}

/**
 * `node scripts/build-binding.mjs`, as scripts/prepare.mjs calls it: makes `dist/binding` from `src/binding` and
 * `dist/lib` from the files that it imports, each as plain JavaScript with its declarations beside it. Types are erased and written out file by file, by
 * what Vite brings along: no compiler has to be installed where the server only runs.
 */

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformWithOxc } from 'vite'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = join(root, 'src')
const target = join(root, 'dist')

/** The oldest Node that package.json promises has all of it. */
const OPTIONS = { target: 'es2022', sourcemap: false, typescript: { declaration: {} } }

for (const folder of ['binding', 'lib']) await rm(join(target, folder), { recursive: true, force: true })
const done = new Set()
const waiting = [join(source, 'binding/index.ts')]
for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
  if (done.has(file)) continue
  done.add(file)
  const text = await readFile(file, 'utf8')
  for (const [, specifier] of text.matchAll(/\bfrom '(\.[^']+)'/g))
    waiting.push(resolve(dirname(file), specifier))
  const { code, declaration } = await transformWithOxc(text, file, OPTIONS)
  const output = join(target, relative(source, file)).replace(/\.ts$/, '')
  await mkdir(dirname(output), { recursive: true })
  await writeFile(`${output}.js`, renameImports(code))
  await writeFile(`${output}.d.ts`, renameImports(declaration))
}

/** `./x.ts` becomes `./x.js`, which is also where TypeScript looks for `./x.d.ts`. */
function renameImports(text) {
  return text.replace(/(\bfrom ['"]\.[^'"]+)\.ts(['"])/g, '$1.js$2')
}

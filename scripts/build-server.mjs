/**
 * `node scripts/build-server.mjs`, as scripts/prepare.mjs calls it: makes `dist/server` from `src/main.ts`, its packages
 * included. A start then reads some forty files instead of a thousand, which halves its time and saves 30 MB in every
 * process. What is imported late (`import(…)`) and every module that a thread or a process begins with
 * (`new URL('./….ts', import.meta.url)`) stays a file of its own.
 *
 * All files lie flat in the folder, as deep below the project as the folders of `src` (`src/config/own-files.ts` counts on
 * it), and all but `main.js` carry their content in their name: a server that runs while this is called goes on finding its
 * own, which are removed by the build after this one.
 */

import { readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = join(root, 'dist/server')
const main = join(root, 'src/main.ts')
/** Names of the files of the build before. */
const namesFile = join(target, 'names.json')
/** Maps stacks back to the sources: the first thing that every thread and process imports. */
const realStacks = join(root, 'src/config/real-stacks.ts')

/** Of these a part is no JavaScript, which they look for beside themselves. */
const NATIVE = ['@node-rs/crc32', 'koffi', 'sharp']

/**
 * Packages of werift's, and what is there in their place. With the first it would make certificates, which
 * `src/adapters/webrtc/own-certificate.ts` does instead: half of what the first connection would have to wait for. The second
 * computes in JavaScript what node's own cryptography does in a hundredth of the time.
 */
const LEFT_OUT = new Map([
  [
    '@peculiar/x509',
    'export const cryptoProvider = { set() {} }, X509CertificateGenerator = undefined, PemConverter = undefined',
  ],
  [
    'tweetnacl',
    `import { keyPair, scalarMult } from ${JSON.stringify(join(root, 'src/adapters/webrtc/x25519.ts'))}
export default { box: { keyPair }, scalarMult }`,
  ],
])

const OWN_MODULE = /new URL\('(\.\/[^']+\.ts)', import\.meta\.url\)/g

const build = await rolldown({
  input: { main },
  cwd: root,
  platform: 'node',
  external: NATIVE,
  plugins: [ownModules(), leftOut()],
})
const { output } = await build.write({
  dir: target,
  format: 'esm',
  entryFileNames: ({ name }) => (name === 'main' ? 'main.js' : '[name]-[hash].js'),
  chunkFileNames: '[name]-[hash].js',
  comments: { legal: false, annotation: false, jsdoc: false },
  sourcemap: true,
  // The sources are there.
  sourcemapExcludeSources: true,
})
await build.close()
await forgetOld(output.map(({ fileName }) => fileName))

/** Has modules that are named by their address built, too, and their addresses replaced. Lines stay where they are. */
function ownModules() {
  const entries = new Set([main])
  return {
    name: 'own-modules',
    transform(code, id) {
      const changed = code.replace(OWN_MODULE, (_, path) => {
        const module = resolve(dirname(id), path)
        entries.add(module)
        const file = this.emitFile({ type: 'chunk', id: module })
        return `new URL(import.meta.ROLLUP_FILE_URL_${file})`
      })
      const head = entries.has(id) ? `import ${JSON.stringify(realStacks)};` : ''
      return head === '' && changed === code ? null : { code: head + changed, map: null }
    },
  }
}

function leftOut() {
  const prefix = '\0left-out:'
  return {
    name: 'left-out',
    resolveId: (name) => (LEFT_OUT.has(name) ? prefix + name : null),
    load: (id) => (id.startsWith(prefix) ? LEFT_OUT.get(id.slice(prefix.length)) : null),
  }
}

/** Removes what neither this build nor the one before has made. */
async function forgetOld(names) {
  const before = await readFile(namesFile, 'utf8').then(JSON.parse, () => ({ now: [], old: [] }))
  const old = before.now.filter((name) => !names.includes(name))
  for (const name of before.old) {
    if (!names.includes(name) && !old.includes(name)) await rm(join(target, name), { force: true })
  }
  await writeFile(namesFile, JSON.stringify({ now: names, old }))
}

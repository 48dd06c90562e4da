/**
 * Builds the player and the dashboard into `web/dist`: hashed assets, a manifest from which the server writes its pages
 * (`src/http/pages.ts`), and beside every compressible asset its brotli and gzip form, so that nothing is compressed
 * while a request waits.
 */

import { readFileSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { build, defineConfig, type Plugin } from 'vite'

const root = dirname(fileURLToPath(import.meta.url))
const hlsFolder = join(root, '../node_modules/hls.js')
const hlsVersion: string = JSON.parse(readFileSync(join(hlsFolder, 'package.json'), 'utf8')).version

/**
 * hls.js is built from its own sources with the parts left out that our manifests never use: encryption, ad breaks,
 * content steering, variables, trick-play lists and MPEG-TS with HEVC. Its "light" build would lack separate sound and
 * captions, which we have. 137 KB instead of 190 KB (gzip); its build-time dependencies are pinned in package.json to the
 * versions its own release uses.
 */
const hlsParts = {
  __VERSION__: JSON.stringify(hlsVersion),
  __USE_ALT_AUDIO__: 'true',
  __USE_SUBTITLES__: 'true',
  __USE_MEDIA_CAPABILITIES__: 'true',
  __USE_EME_DRM__: 'false',
  __USE_CMCD__: 'false',
  __USE_CONTENT_STEERING__: 'false',
  __USE_VARIABLE_SUBSTITUTION__: 'false',
  __USE_M2TS_ADVANCED_CODECS__: 'false',
  __USE_INTERSTITIALS__: 'false',
  __USE_IFRAMES__: 'false',
}

export default defineConfig({
  root,
  // Addresses inside the bundle are relative to the file that holds them: the server may live below any path.
  base: './',
  define: hlsParts,
  resolve: {
    alias: [
      { find: /^hls\.js$/, replacement: join(hlsFolder, 'src/exports-named.ts') },
      // Switched off above, but its own imports would still have to be installed.
      { find: /^.*\/cmcd-controller$/, replacement: join(root, 'player/left-out.ts') },
    ],
  },
  plugins: [react(), tailwindcss(), embedScripts(), compressed()],
  build: {
    outDir: join(root, 'dist'),
    emptyOutDir: true,
    manifest: 'manifest.json',
    target: 'es2022',
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: {
        player: join(root, 'player/main.ts'),
        dashboard: join(root, 'dashboard/main.tsx'),
      },
    },
  },
})

/**
 * The scripts for other people's pages, `embed/<name>.js`: classic ones, so each is whole in one file and a function of
 * its own, and addresses that stay the same.
 */
function embedScripts(): Plugin {
  return {
    name: 'headwater-embed-scripts',
    apply: 'build',
    async generateBundle() {
      for (const name of ['sdk', 'v1']) {
        const built = await build({
          configFile: false,
          root,
          logLevel: 'warn',
          build: {
            write: false,
            target: 'es2022',
            modulePreload: false,
            rolldownOptions: { input: join(root, `embed/${name}.ts`), output: { format: 'iife' } },
          },
        })
        const output = [built].flat().flatMap((each) => ('output' in each ? each.output : []))
        const script = output.find((each) => each.type === 'chunk')
        if (script === undefined || output.length > 1)
          throw new Error(`embed/${name}.ts must become one file.`)
        this.emitFile({ type: 'asset', fileName: `embed/${name}.js`, source: script.code })
      }
    },
  }
}

/** Writes `<asset>.br` and `<asset>.gz` beside every text asset. */
function compressed(): Plugin {
  return {
    name: 'headwater-compressed',
    apply: 'build',
    async closeBundle() {
      const folders = ['assets', 'embed'].map((name) => join(root, 'dist', name))
      const paths = await Promise.all(
        folders.map(async (folder) => (await readdir(folder)).map((name) => join(folder, name))),
      )
      await Promise.all(
        paths
          .flat()
          .filter((path) => /\.(?:js|css|svg)$/.test(path))
          .map(compress),
      )
    },
  }
}

async function compress(path: string): Promise<void> {
  const bytes = await readFile(path)
  const brotli = promisify(brotliCompress)(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  })
  await writeFile(`${path}.br`, await brotli)
  await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }))
}

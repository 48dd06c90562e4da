/** The API with every page, for tests of what pages say and to whom. */

import { join } from 'node:path'
import { Admissions } from '../../src/core/playback/index.ts'
import { pageRoutes } from '../../src/http/pages.ts'
import type { ByteRoute } from '../../src/http/route.ts'
import { readStaticFiles, type StaticFiles } from '../../src/http/static-files.ts'
import { type ApiServer, startApi } from './api-server.ts'

/** What more routes may need of the server that they belong to. */
export type PageDeps = { readonly files: StaticFiles; readonly admissions: Admissions }

/** Starts it, with `moreRoutes` before those of the pages. Throws when the pages have not been built. */
export async function startPageServer(
  moreRoutes: (deps: PageDeps) => readonly ByteRoute[] = () => [],
): Promise<{ readonly api: ApiServer; readonly files: StaticFiles }> {
  const files = await readStaticFiles(join(import.meta.dirname, '../../web/dist'))
  if (files === undefined) throw new Error('The web pages have not been built; run `npm run build`.')
  let api: ApiServer | undefined
  const started = (): ApiServer => {
    if (api === undefined) throw new Error('The server has not been started.')
    return api
  }
  const deps = {
    files,
    // Nothing is uploaded here.
    early: { get: () => Promise.resolve(undefined) },
    // The records are opened by the server below; the routes meet them only when a request comes.
    get db() {
      return started().db
    },
    get clock() {
      return started().clock
    },
    get admissions() {
      return new Admissions(started())
    },
  }
  api = await startApi({ byteRoutes: [...moreRoutes(deps), ...pageRoutes(deps)] })
  return { api, files }
}

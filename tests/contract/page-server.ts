/** The API with every page, for tests of what pages say and to whom. */

import { join } from 'node:path'
import { Admissions } from '../../src/core/playback/index.ts'
import { metadataRoutes } from '../../src/http/bytes/metadata.ts'
import { pageRoutes } from '../../src/http/pages.ts'
import { readStaticFiles } from '../../src/http/static-files.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'

/** Starts it, with the built files of `web/dist`. */
export async function startPageServer(): Promise<ApiServer> {
  const files = await readStaticFiles(join(import.meta.dirname, '../../web/dist'))
  let server: ApiServer | undefined
  const started = (): ApiServer => {
    if (server === undefined) throw new Error('asked before it listens')
    return server
  }
  const deps = {
    files,
    early: { get: () => Promise.resolve(undefined) },
    // Asked for only when a request comes.
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
  const admissions = { admit: (asked) => deps.admissions.admit(asked) } as Admissions
  server = await startApi({ byteRoutes: [...metadataRoutes({ admissions }), ...pageRoutes(deps)] })
  return server
}

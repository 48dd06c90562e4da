/** One upload server for a file of tests. */

import { afterAll, beforeAll } from 'vitest'
import { startUploadServer, type TusCalls, tusCalls, type UploadServer } from './tus-fixture.ts'

/** A server for all tests of a file, and what they ask of it. */
export function useUploadServer(): TusCalls & { readonly server: UploadServer } {
  let started: { server: UploadServer; calls: TusCalls } | undefined
  beforeAll(async () => {
    const server = await startUploadServer()
    started = { server, calls: tusCalls(server) }
  })
  afterAll(() => started?.server.stop())
  const now = () => {
    if (started === undefined) throw new Error('The server has not been started.')
    return started
  }
  return {
    get server() {
      return now().server
    },
    get auth() {
      return now().calls.auth
    },
    head: (...args) => now().calls.head(...args),
    create: (...args) => now().calls.create(...args),
    patch: (...args) => now().calls.patch(...args),
    storedOffset: (...args) => now().calls.storedOffset(...args),
    patchLines: (...args) => now().calls.patchLines(...args),
  }
}

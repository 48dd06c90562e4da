/** The reference tus server on a folder, as its documentation sets it up: what `bench/upload.ts` compares with. */

import type { AddressInfo } from 'node:net'
import { FileStore } from '@tus/file-store'
import { Server } from '@tus/server'

const [folder = ''] = process.argv.slice(2)
const tus = new Server({ path: '/files', datastore: new FileStore({ directory: folder }) })
const server = tus.listen({ host: '127.0.0.1', port: 0 })
server.once('listening', () => {
  process.stdout.write(`ready http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})

/** The fetcher over TLS: the name is checked against the certificate although an address is connected to. */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tls from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFetcher } from './guarded-fetch.ts'

const execute = promisify(execFile)
const NEVER = new AbortController().signal
/** Certificates are made by it; and Node 24.5 is the first that can be told to trust one. */
const isPossible =
  'setDefaultCACertificates' in tls && (await execute('openssl', ['version']).then(Boolean, () => false))
if (!isPossible) console.warn('skipped: fetching over TLS, which needs openssl and Node 24.5')

const fetcher = createFetcher({ allowPrivate: true, resolve: async () => ['127.0.0.1'] })

let server: Server
let port = 0
let certificate = ''
/** What clients asked for by name (RFC 6066 §3). */
const names: (string | false | null)[] = []

describe.skipIf(!isPossible)('over TLS', () => {
  const trusted = isPossible ? tls.getCACertificates('default') : []

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headwater-tls-'))
    const [keyFile, certificateFile] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const subject = '-subj /CN=files.example -addext subjectAltName=DNS:files.example'
    const kind = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'
    await execute('openssl', [
      ...`${kind} ${subject}`.split(' '),
      '-keyout',
      keyFile,
      '-out',
      certificateFile,
    ])
    const key = await readFile(keyFile, 'utf8')
    certificate = await readFile(certificateFile, 'utf8')
    await rm(folder, { recursive: true })
    server = createServer({ key, cert: certificate }, (incoming, outgoing) => {
      names.push((incoming.socket as tls.TLSSocket).servername)
      outgoing.end('encrypted')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => {
    tls.setDefaultCACertificates(trusted)
    server.closeAllConnections()
    server.close()
  })

  const get = (host: string) =>
    fetcher.fetch({ method: 'GET', url: `https://${host}:${port}/`, maxBytes: 100 }, { signal: NEVER })

  test('a certificate of nobody that is trusted is refused for good', async () => {
    await expect(get('files.example')).rejects.toMatchObject({
      code: 'fetch_failed',
      message: expect.stringContaining('DEPTH_ZERO_SELF_SIGNED_CERT'),
      facts: { mayPass: false },
    })
  })

  test('a trusted one is good for its name, and for no other', async () => {
    tls.setDefaultCACertificates([...trusted, certificate])
    const answer = await get('files.example')
    expect(Buffer.concat(await Array.fromAsync(answer.body)).toString()).toBe('encrypted')
    expect(names).toEqual(['files.example'])
    await expect(get('other.example')).rejects.toMatchObject({
      message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
      facts: { mayPass: false },
    })
    expect(names).toHaveLength(1)
  })
})

import { createHash, X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import type { SdpFingerprint } from '../../media/sdp/session-description.ts'
import { createCertificate, type OwnCertificate } from './own-certificate.ts'
import { SecureChannel } from './secure-channel.ts'

function fingerprintOf({ certPem }: OwnCertificate): SdpFingerprint {
  const { raw } = new X509Certificate(certPem)
  return { algorithm: 'sha-256', hex: createHash('sha256').update(raw).digest('hex') }
}

/** Two ends of a path; answers what each of them came to. */
async function meet(ends: {
  client: OwnCertificate
  server: OwnCertificate
  /** What the ends were told of each other. */
  told?: { client?: SdpFingerprint; server?: SdpFingerprint }
}) {
  const heard: string[] = []
  const outcome = { client: Promise.withResolvers<string>(), server: Promise.withResolvers<string>() }
  const make = (role: 'client' | 'server', other: () => SecureChannel): SecureChannel => {
    const far = role === 'client' ? 'server' : 'client'
    const fingerprint = ends.told?.[far] ?? fingerprintOf(ends[far])
    return new SecureChannel(
      ends[role],
      { role, fingerprint },
      {
        send: (bytes) => setImmediate(() => other().packet(Buffer.from(bytes))),
        opened: () => outcome[role].resolve('opened'),
        closed: () => outcome[role].resolve('closed'),
        rtp: (bytes) => heard.push(bytes.subarray(12).toString()),
        rtcp: (bytes) => heard.push(bytes.toString('hex')),
      },
    )
  }
  const client: SecureChannel = make('client', () => server)
  const server: SecureChannel = make('server', () => client)
  server.begin()
  client.begin()
  return { client, server, heard, outcome }
}

const RTP = { payloadType: 96, marker: false, sequence: 1, timestamp: 2, ssrc: 3 }

test('two ends that know each other exchange packets, and nobody else does', async () => {
  const [one, two] = [await createCertificate(), await createCertificate()]
  const { client, server, heard, outcome } = await meet({ client: one, server: two })
  expect(await Promise.all([outcome.client.promise, outcome.server.promise])).toEqual(['opened', 'opened'])
  client.sendRtp({ ...RTP, payload: Buffer.from('hello') })
  server.sendRtcp(Buffer.from('80c9000100000001', 'hex'))
  await expect.poll(() => heard).toEqual(['hello', '80c9000100000001'])
  client.packet(Buffer.from('80600001000000020000000368656c6c6f68656c6c6f68656c6c6f', 'hex'))
  expect(heard).toHaveLength(2)
  client.close()
  client.sendRtp({ ...RTP, payload: Buffer.from('late') })
  expect(client.isOpen).toBe(false)
})

test.each(['client', 'server'] as const)(
  'the certificate of the %s must be the one that was told',
  async (who) => {
    const [one, two, other] = await Promise.all([
      createCertificate(),
      createCertificate(),
      createCertificate(),
    ])
    const { outcome } = await meet({ client: one, server: two, told: { [who]: fingerprintOf(other) } })
    expect(await outcome[who === 'client' ? 'server' : 'client'].promise).toBe('closed')
  },
)

test.each(['client', 'server'] as const)('the %s must have the key to its certificate', async (who) => {
  const [one, two, stranger] = await Promise.all([
    createCertificate(),
    createCertificate(),
    createCertificate(),
  ])
  const shown = who === 'client' ? one : two
  const copied = { ...shown, keyPem: stranger.keyPem }
  const { outcome } = await meet({ client: one, server: two, [who]: copied })
  expect(await outcome[who === 'client' ? 'server' : 'client'].promise).toBe('closed')
})

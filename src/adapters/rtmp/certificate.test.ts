import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CERTIFICATE_FILE, openCertificate } from './certificate.ts'

const DAY_MS = 86_400_000
const NOW_MS = Date.parse('2026-11-21T18:00:00Z')

let dataDir = ''

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'headwater-certificate-'))
})
afterAll(() => rm(dataDir, { recursive: true }))

const open = (nowMs: number) => openCertificate({ dataDir, files: null, nowMs })

describe('a certificate of our own', () => {
  test('is made once, vouches for itself and is for this machine', async () => {
    const { certificate } = await open(NOW_MS)
    const found = new X509Certificate(certificate)
    expect(found.verify(found.publicKey)).toBe(true)
    expect(found.subject).toBe('CN=Headwater')
    expect(found.checkHost('localhost')).toBe('localhost')
    expect(found.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(Date.parse(found.validFrom)).toBe(NOW_MS - DAY_MS)
    expect(Date.parse(found.validTo)).toBe(NOW_MS + 3650 * DAY_MS)
    const again = await open(NOW_MS + DAY_MS)
    expect(new X509Certificate(again.certificate).fingerprint256).toBe(found.fingerprint256)
  })

  test('lies in a file for its owner only', async () => {
    expect((await stat(join(dataDir, CERTIFICATE_FILE))).mode & 0o777).toBe(0o600)
  })

  test.each([
    ['before it runs out', 3640],
    ['also beyond the year 2049', 30 * 365],
  ])('is made anew %s', async (_, days) => {
    const nowMs = NOW_MS + days * DAY_MS
    const { certificate } = await open(nowMs)
    expect(Date.parse(new X509Certificate(certificate).validTo)).toBe(nowMs + 3650 * DAY_MS)
  })
})

describe("the operator's files", () => {
  test('are taken as they are', async () => {
    const [certificate, key] = [join(dataDir, 'c.pem'), join(dataDir, 'k.pem')]
    const own = await open(NOW_MS)
    await writeFile(certificate, own.certificate)
    await writeFile(key, own.key)
    const found = await openCertificate({ dataDir: '/nowhere', files: { certificate, key }, nowMs: NOW_MS })
    expect(found.certificate).toBe(await readFile(certificate, 'utf8'))
  })

  test.each([
    [
      'are not there',
      async () => ({ certificate: '/nowhere/c.pem', key: '/nowhere/k.pem' }),
      /could not be read/,
    ],
    [
      'hold something else',
      async () => {
        await writeFile(join(dataDir, 'text'), 'no certificate')
        return { certificate: join(dataDir, 'text'), key: join(dataDir, 'text') }
      },
      /hold no certificate and private key in PEM/,
    ],
    [
      'do not belong together',
      async () => {
        const other = await mkdtemp(join(tmpdir(), 'headwater-certificate-'))
        await openCertificate({ dataDir: other, files: null, nowMs: NOW_MS })
        const key = join(dataDir, 'other.pem')
        await writeFile(key, await readFile(join(other, CERTIFICATE_FILE)))
        await rm(other, { recursive: true })
        return { certificate: join(dataDir, CERTIFICATE_FILE), key }
      },
      /private key of .* is not that of the certificate/,
    ],
  ])('are refused when they %s', async (_, files, sentence) => {
    await expect(openCertificate({ dataDir, files: await files(), nowMs: NOW_MS })).rejects.toThrow(sentence)
  })
})

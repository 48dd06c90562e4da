import { createPrivateKey, X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { createCertificate } from './own-certificate.ts'

test('a certificate is signed by its own key, valid now, and new each time', async () => {
  const { certPem, keyPem, fingerprint } = await createCertificate()
  const certificate = new X509Certificate(certPem)
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  expect(certificate.checkPrivateKey(createPrivateKey(keyPem))).toBe(true)
  expect(certificate.subject).toBe('CN=Headwater')
  expect(certificate.issuer).toBe(certificate.subject)
  expect(certificate.validFromDate.getTime()).toBeLessThan(Date.now())
  expect(certificate.validToDate.getTime()).toBeGreaterThan(Date.now())
  expect(fingerprint).toBe(`sha-256 ${certificate.fingerprint256}`)
  expect(fingerprint).toMatch(/^sha-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  expect((await createCertificate()).fingerprint).not.toBe(fingerprint)
})

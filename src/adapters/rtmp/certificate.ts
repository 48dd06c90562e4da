/**
 * The certificate of RTMPS: the operator's, or one of our own, made at the first start and kept in the data folder. Encoders
 * do not check it unless told to (ffmpeg, GStreamer) or want a real one (OBS).
 */

import { generateKeyPair, randomBytes, sign, verify, X509Certificate } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { HeadwaterError } from '../../lib/failure.ts'
import { writeCertificate } from './write-certificate.ts'

/** Both in PEM (RFC 7468). */
export type Certificate = { readonly certificate: string; readonly key: string }

/** Name of the file in the data folder that holds both of our own. */
export const CERTIFICATE_FILE = 'rtmps.pem'

const DAY_MS = 86_400_000
/** Ours is for as long as it is kept; the format ends in 9999. */
const VALID_DAYS = 3_650
/** One that soon runs out is replaced. */
const RENEW_DAYS = 30

export type CertificateOptions = {
  readonly dataDir: string
  /** Paths of the operator's files, both or neither. */
  readonly files: { readonly certificate: string; readonly key: string } | null
  /** Milliseconds since 1970. */
  readonly nowMs: number
}

/** Reads or makes it. Throws `setting_invalid` when files cannot be read or do not belong together. */
export async function openCertificate(options: CertificateOptions): Promise<Certificate> {
  const { dataDir, files, nowMs } = options
  if (files !== null) {
    const [certificate, key] = await Promise.all([readPem(files.certificate), readPem(files.key)])
    return check({ certificate, key }, `${files.certificate} and ${files.key}`)
  }
  const file = join(dataDir, CERTIFICATE_FILE)
  const kept = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (kept !== undefined) {
    const both = check({ certificate: kept, key: kept }, file)
    const validMs = Date.parse(new X509Certificate(kept).validTo) - nowMs
    if (validMs > RENEW_DAYS * DAY_MS) return both
  }
  const made = await makeCertificate(nowMs)
  await keep(file, `${made.key}${made.certificate}`)
  return made
}

/** A new one, signed by itself. */
async function makeCertificate(nowMs: number): Promise<Certificate> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  const certificate = writeCertificate({
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    serial: randomBytes(16),
    // Clocks of others may be behind.
    fromMs: nowMs - DAY_MS,
    toMs: nowMs + VALID_DAYS * DAY_MS,
    sign: (bytes) => sign('sha256', bytes, privateKey),
  })
  return { certificate, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

async function readPem(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: unknown) => {
    throw new HeadwaterError(
      'setting_invalid',
      `${path} could not be read: HEADWATER_RTMPS_CERT and HEADWATER_RTMPS_KEY name two files in PEM.`,
      { cause: error },
    )
  })
}

function check(pair: Certificate, where: string): Certificate {
  try {
    const { publicKey } = new X509Certificate(pair.certificate)
    const challenge = randomBytes(32)
    const signature = sign('sha256', challenge, pair.key)
    if (verify('sha256', challenge, publicKey, signature)) return pair
  } catch (error) {
    throw new HeadwaterError(
      'setting_invalid',
      `${where} hold no certificate and private key in PEM (${error instanceof Error ? error.message : ''}).`,
      { cause: error },
    )
  }
  throw new HeadwaterError('setting_invalid', `The private key of ${where} is not that of the certificate.`)
}

/** Whole or not at all, and for the owner only. */
async function keep(file: string, text: string): Promise<void> {
  const handle = await open(`${file}.new`, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.new`, file)
  const folder = await open(dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

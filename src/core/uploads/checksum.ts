/**
 * The tus checksum extension (uploads.md §3.5): a chunk that comes with a digest counts only once all of it has come and
 * the digest fits. The digest is made while the bytes arrive, beside the write of the batch before, so nothing is read
 * twice; until then the bytes lie in the draft beyond the acknowledged offset, where a crash leaves what the next request
 * cuts off.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import { DIGEST_BYTES, type DigestName, type RunningDigest, startDigest } from '../../lib/running-digest.ts'
import type { UploadBody } from './upload.ts'

/** What `Upload-Checksum` says of a body. */
export type UploadChecksum = { readonly algorithm: DigestName; readonly digest: Uint8Array }

const ALGORITHMS: readonly DigestName[] = ['sha1', 'sha256', 'md5', 'crc32']

/** The value of `Tus-Checksum-Algorithm`. */
export const CHECKSUM_ALGORITHMS = ALGORITHMS.join(',')

/** Reads `Upload-Checksum`; undefined when there is none. Throws `bad_request` for anything but `<algorithm> <base64>`. */
export function parseUploadChecksum(header: string | undefined): UploadChecksum | undefined {
  if (header === undefined) return undefined
  const [name = '', base64 = '', ...more] = header.trim().split(' ')
  const algorithm = ALGORITHMS.find((known) => known === name)
  if (algorithm === undefined) {
    throw new HeadwaterError(
      'bad_request',
      `Upload-Checksum must name one of ${CHECKSUM_ALGORITHMS} and a Base64 digest, separated by a space.`,
    )
  }
  const digest = Buffer.from(base64, 'base64')
  const wanted = DIGEST_BYTES[algorithm]
  // Node reads Base64 leniently; only what it would write back itself is Base64 (RFC 4648 §3.5).
  if (more.length > 0 || digest.byteLength !== wanted || digest.toString('base64') !== base64) {
    throw new HeadwaterError(
      'bad_request',
      `Upload-Checksum: a digest of ${algorithm} is ${wanted} bytes in Base64 with padding.`,
    )
  }
  return { algorithm, digest }
}

/** A body whose bytes pass through its digest on their way. */
export class CheckedBody implements UploadBody {
  readonly #body: UploadBody
  readonly #expected: UploadChecksum
  readonly #running: RunningDigest

  constructor(body: UploadBody, expected: UploadChecksum) {
    this.#body = body
    this.#expected = expected
    this.#running = startDigest(expected.algorithm)
  }

  get state(): UploadBody['state'] {
    return this.#body.state
  }

  async next(): Promise<readonly Uint8Array[] | undefined> {
    const batch = await this.#body.next()
    for (const buffer of batch ?? []) this.#running.update(buffer)
    return batch
  }

  release(batch: readonly Uint8Array[]): void {
    this.#body.release(batch)
  }

  silentMs(): number {
    return this.#body.silentMs()
  }

  stop(): void {
    this.#body.stop()
  }

  /** `checksum_mismatch` unless what has passed is what was announced. To be asked once, after the last byte. */
  mismatch(): HeadwaterError | undefined {
    const { algorithm, digest } = this.#expected
    const found = this.#running.finish()
    if (Buffer.compare(found, digest) === 0) return undefined
    return new HeadwaterError(
      'checksum_mismatch',
      `the ${algorithm} of the body is ${Buffer.from(found).toString('base64')}, Upload-Checksum says ${Buffer.from(digest).toString('base64')}; nothing of it was kept, send it again`,
      { facts: { algorithm } },
    )
  }
}

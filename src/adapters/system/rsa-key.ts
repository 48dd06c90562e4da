/** Makes RSA keys on this machine, in the pool of threads that also reads files: so one at a time, whoever asks. */

import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { NewRsaKey } from '../../ports.ts'

/** Makes the maker. */
export function createRsaKeys(): NewRsaKey {
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const making = last.then(makeKey)
    last = making.catch(() => undefined)
    return making
  }
}

async function makeKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    // api.md §5.2
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  return privateKey
}

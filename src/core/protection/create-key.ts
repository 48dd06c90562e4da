/** Makes signing keys: the customer's, shown once and then known by their public part, and the service's own. */

import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { BoundedCache } from '../../lib/bounded-cache.ts'
import { NONCE_BYTES, seal, unseal } from '../../lib/seal.ts'
import type { Clock, NewRsaKey } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { checkKeyCount, insertSigningKey, listSealedKeys, type SigningKey } from './signing-key-records.ts'

export type KeyDeps = {
  readonly db: Db
  readonly clock: Clock
  readonly newRsaKey: NewRsaKey
  /** 32 bytes as base64url: what private parts are sealed with that have to be stored. */
  readonly sealingKey: string
}

/** A new key with its private part, which is nowhere else. */
export type CreatedKey = SigningKey & {
  /** PKCS#1 (RFC 8017 §A.1.2) as PEM. */
  readonly pem: string
  /** RFC 7517, with the private members of RFC 7518 §6.3.2. */
  readonly jwk: JsonWebKey
}

/** Makes a key of the customer's. Throws `bad_request` when the account has 1,000. */
export async function createSigningKey(deps: KeyDeps, accountId: string): Promise<CreatedKey> {
  // Asked before the processor is busy with it, and again in the transaction.
  await checkKeyCount(deps.db, accountId)
  const pem = await deps.newRsaKey()
  const key = createPrivateKey(pem)
  const made = { id: deps.clock.newUid(), createdUs: deps.clock.nowUs() }
  await deps.db
    .transaction()
    .execute((trx) =>
      insertSigningKey(trx, { ...made, accountId, publicPem: publicPemOf(key), sealedPem: null }),
    )
  const jwk = { use: 'sig', kid: made.id, alg: 'RS256', ...key.export({ format: 'jwk' }) }
  return { ...made, pem, jwk }
}

/** A private key that is ready to sign. */
export type Signer = { readonly kid: string; readonly privateKey: KeyObject }

/** The service's own keys, one per account, made when first needed and kept sealed in the database. */
export class OwnKeys {
  readonly #deps: KeyDeps
  readonly #signers = new BoundedCache<string, Signer>({ maxWeight: MOST_REMEMBERED })

  constructor(deps: KeyDeps) {
    this.#deps = deps
  }

  /** The key that tokens of the account are signed with. */
  signer(accountId: string): Promise<Signer> {
    return this.#signers.get(accountId, async () => (await this.#find(accountId)) ?? this.#make(accountId))
  }

  /**
   * One that opens with our sealing key. Where that was lost there is none: a new key is made, and what the old one
   * signed stays good for the hours it has.
   */
  async #find(accountId: string): Promise<Signer | undefined> {
    for (const { id, sealedPem } of await listSealedKeys(this.#deps.db, accountId)) {
      const pem = unseal(sealedPem, { key: this.#deps.sealingKey, purpose: id })
      if (pem !== undefined) return { kid: id, privateKey: createPrivateKey(pem) }
    }
    return undefined
  }

  async #make(accountId: string): Promise<Signer> {
    const { db, clock, newRsaKey, sealingKey } = this.#deps
    const pem = await newRsaKey()
    const privateKey = createPrivateKey(pem)
    const id = clock.newUid()
    const sealedPem = seal(pem, clock.newSecret(NONCE_BYTES), { key: sealingKey, purpose: id })
    await db.transaction().execute((trx) =>
      insertSigningKey(trx, {
        id,
        accountId,
        publicPem: publicPemOf(privateKey),
        sealedPem,
        createdUs: clock.nowUs(),
      }),
    )
    return { kid: id, privateKey }
  }
}

/** The public part as SPKI (RFC 5280 §4.1.2.7) in PEM; equal keys have equal texts. */
export function publicPemOf(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
}

const MOST_REMEMBERED = 1_000

/** `POST ~/{uid}/token`: signs a token for one video or live input (api.md §5.1). */

import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { HeadwaterError } from '../../lib/failure.ts'
import { getLiveInput } from '../live-inputs/index.ts'
import { requireVideo } from '../videos/index.ts'
import { parseAccessRules } from './access-rules.ts'
import { type KeyDeps, type OwnKeys, publicPemOf, type Signer } from './create-key.ts'
import { getVerifyingKey } from './signing-key-records.ts'
import { MOST_TOKEN_CHARACTERS } from './token.ts'

export type CreateTokenDeps = Pick<KeyDeps, 'db' | 'clock'> & { readonly ownKeys: OwnKeys }

export type TokenRequest = {
  readonly accountId: string
  readonly uid: string
  /** A key of the account and its private part, PEM in base64; without both the service signs. */
  readonly id?: string | undefined
  readonly pem?: string | undefined
  /** Seconds since 1970. */
  readonly exp?: number | undefined
  readonly nbf?: number | undefined
  readonly downloadable?: boolean | undefined
  readonly accessRules?: readonly unknown[] | undefined
  readonly flags?: { readonly original?: boolean | undefined } | undefined
}

/**
 * The token. Throws `not_found` for a video, live input or key that is not of the account, `bad_request` for times, rules or a key
 * that no viewer would be let in with.
 */
export async function createToken(deps: CreateTokenDeps, request: TokenRequest): Promise<string> {
  const { uid, accountId, downloadable, accessRules, flags } = request
  const input = await getLiveInput(deps.db, uid)
  if (input?.accountId !== accountId) await requireVideo(deps.db, uid, accountId)
  const nowSeconds = Math.floor(deps.clock.nowUs() / 1_000_000)
  const times = checkTimes(request, nowSeconds)
  parseAccessRules(accessRules)
  const { kid, privateKey } = await findSigner(deps, request)
  const header = { alg: 'RS256', kid }
  const payload = { sub: uid, kid, ...times, downloadable, accessRules, flags }
  const token = await signToken(privateKey, { header, payload })
  if (token.length <= MOST_TOKEN_CHARACTERS) return token
  throw refuse(
    'accessRules',
    `are too long: the token would have ${token.length} characters, at most ${MOST_TOKEN_CHARACTERS} fit into an address`,
  )
}

/** Signs beside the event loop; RFC 7515 §5.1 with RSASSA-PKCS1-v1_5 and SHA-256 (RFC 7518 §3.3). */
export async function signToken(
  key: KeyObject,
  token: { readonly header: object; readonly payload: object },
): Promise<string> {
  const text = `${encode(token.header)}.${encode(token.payload)}`
  const signature = await promisify(sign)('RSA-SHA256', Buffer.from(text), key)
  return `${text}.${signature.toString('base64url')}`
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

function checkTimes(request: TokenRequest, nowSeconds: number): { exp: number; nbf: number } {
  const { exp = nowSeconds + DEFAULT_SECONDS, nbf = nowSeconds - DEFAULT_SECONDS } = request
  if (exp <= nowSeconds) throw refuse('exp', `must be in the future; it is ${exp}, now is ${nowSeconds}`)
  if (exp > nowSeconds + MOST_SECONDS) {
    throw refuse('exp', `may be at most ${MOST_SECONDS} s from now (${nowSeconds}); it is ${exp}`)
  }
  if (nbf < 0 || nbf >= exp) throw refuse('nbf', `must be from 0 to before exp (${exp}); it is ${nbf}`)
  return { exp, nbf }
}

async function findSigner(deps: CreateTokenDeps, request: TokenRequest): Promise<Signer> {
  const { accountId, id, pem } = request
  if (id === undefined && pem === undefined) return deps.ownKeys.signer(accountId)
  if (id === undefined) throw refuse('id', 'is required with pem: the id of the signing key')
  if (pem === undefined) throw refuse('pem', 'is required with id: the private key as it was shown')
  const key = KEY_ID.test(id) ? await getVerifyingKey(deps.db, id) : undefined
  if (key?.accountId !== accountId) {
    throw new HeadwaterError('not_found', 'There is no such signing key in this account.')
  }
  const privateKey = readPrivateKey(pem)
  if (publicPemOf(privateKey) !== key.publicPem || !(await canSign(privateKey))) {
    throw refuse('pem', 'is not the private part of the key that id names')
  }
  return { kid: id, privateKey }
}

/** Throws `bad_request` for what is no RSA key. */
function readPrivateKey(pem: string): KeyObject {
  const expected = 'must be the PEM of the signing key in base64, as it was shown when the key was made'
  const text = pem.length > MOST_PEM_CHARACTERS ? '' : Buffer.from(pem, 'base64').toString('latin1')
  try {
    const key = createPrivateKey(text)
    if (key.asymmetricKeyType === 'rsa') return key
  } catch {
    // Told below: the decoder's own words may quote the key.
  }
  throw refuse('pem', expected)
}

/** A private part may be damaged where the public one is not. */
async function canSign(key: KeyObject): Promise<boolean> {
  const probe = Buffer.from('probe')
  const signature = await promisify(sign)('RSA-SHA256', probe, key).catch(() => undefined)
  return signature !== undefined && verify('RSA-SHA256', probe, createPublicKey(key), signature)
}

function refuse(field: string, sentence: string): HeadwaterError {
  return new HeadwaterError('bad_request', `${field} ${sentence}.`, { facts: { field } })
}

const KEY_ID = /^[0-9a-f]{32}$/
/** Until a token ends, and since when it is good, unless told. */
const DEFAULT_SECONDS = 3_600
/** Longest life of a token. */
const MOST_SECONDS = 86_400
/** The PEM of a 2,048-bit key has about 1,700 characters, in base64 2,270. */
const MOST_PEM_CHARACTERS = 16_384

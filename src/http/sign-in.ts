/** Who is asking, and whether they may: spec §1.1. Nothing here ever puts a credential into a message or a log. */

import type { IncomingMessage } from 'node:http'
import { accountExists, type Principal, verifyApiToken, verifySession } from '../core/access/index.ts'
import { HeadwaterError } from '../lib/failure.ts'
import { isSameSecret } from '../lib/same-secret.ts'
import type { Clock } from '../ports.ts'
import type { Db } from '../tables.ts'
import type { HttpSettings } from './http-settings.ts'
import { createFindPublicUrl, type FindPublicUrl } from './request-address.ts'

/** Name of the dashboard's cookie. */
export const SESSION_COOKIE = 'headwater_session'

/** Who sent a request. */
export type SignedIn = Principal & {
  /** Whether it is the one who runs the installation: the holder of the server's own token. */
  readonly isOperator: boolean
}

/** Finds out who sent a request. Throws `not_authenticated`. */
export type SignIn = (incoming: IncomingMessage) => Promise<SignedIn>

export type SignInDeps = {
  readonly db: Db
  readonly clock: Clock
  readonly settings: HttpSettings
}

/**
 * Makes the sign-in. In this order: a bearer token, the e-mail and key pair, the dashboard's cookie. The first kind of
 * credentials that is present decides; a wrong token is not rescued by a good cookie.
 */
export function signIn(deps: SignInDeps): SignIn {
  const findPublicUrl = createFindPublicUrl(deps.settings)
  const findPrincipal = async (incoming: IncomingMessage): Promise<Principal> => {
    const { authorization } = incoming.headers
    if (authorization !== undefined) return signInByToken(deps, authorization)
    const email = incoming.headers['x-auth-email']
    const key = incoming.headers['x-auth-key']
    if (email !== undefined || key !== undefined) return signInByKey(deps, email, key)
    const secret = readSessionCookie(incoming)
    if (secret !== undefined) return signInBySession(deps, incoming, { secret, findPublicUrl })
    throw new HeadwaterError(
      'not_authenticated',
      'No credentials were sent; expected the header `Authorization: Bearer <token>`.',
    )
  }
  return async (incoming) => {
    const principal = await findPrincipal(incoming)
    return { ...principal, isOperator: principal.tokenId === deps.settings.operatorTokenId }
  }
}

async function signInByToken(deps: SignInDeps, authorization: string): Promise<Principal> {
  const token = /^bearer +([!-~]+) *$/i.exec(authorization)?.[1]
  if (token === undefined) {
    throw new HeadwaterError('not_authenticated', 'The Authorization header must read `Bearer <token>`.')
  }
  // Tokens are looked up by their hash, so the time the look-up takes tells nothing about the token.
  const principal = await verifyApiToken(deps.db, token, deps.clock)
  if (principal !== undefined) return principal
  throw new HeadwaterError('not_authenticated', 'The API token is unknown or revoked.')
}

function signInByKey(
  deps: SignInDeps,
  email: string | string[] | undefined,
  key: string | string[] | undefined,
): Principal {
  const { accountId, apiEmail, apiKey } = deps.settings
  if (apiEmail === null || apiKey === null) {
    throw new HeadwaterError('not_authenticated', 'E-mail and key are not configured here; use an API token.')
  }
  const emailFits = isSameSecret(String(email ?? '').toLowerCase(), apiEmail.toLowerCase())
  const keyFits = isSameSecret(String(key ?? ''), apiKey)
  if (emailFits && keyFits) return { accountId, permission: 'write', tokenId: 'legacy-key' }
  throw new HeadwaterError('not_authenticated', 'The e-mail and key are not the configured pair.')
}

async function signInBySession(
  deps: SignInDeps,
  incoming: IncomingMessage,
  { secret, findPublicUrl }: { secret: string; findPublicUrl: FindPublicUrl },
): Promise<Principal> {
  if (!isSameOrigin(incoming, findPublicUrl)) {
    throw new HeadwaterError('not_authenticated', "The dashboard's sign-in counts for its own pages only.")
  }
  const principal = await verifySession(deps.db, deps.clock, secret)
  if (principal !== undefined) return principal
  throw new HeadwaterError('not_authenticated', 'The sign-in has ended; sign in again.')
}

/** The secret in the dashboard's cookie; `undefined` when there is none. */
export function readSessionCookie(incoming: IncomingMessage): string | undefined {
  for (const pair of (incoming.headers.cookie ?? '').split(';')) {
    const [name, value] = pair.split('=', 2)
    if (name?.trim() === SESSION_COOKIE && value !== undefined) return value.trim()
  }
  return undefined
}

/**
 * Whether a page of our own made this request. Browsers say so in `Sec-Fetch-Site` on https and localhost, and in
 * `Origin` elsewhere whenever something is changed; a plain `GET` without either reads nothing across origins anyway.
 */
export function isSameOrigin(incoming: IncomingMessage, findPublicUrl: FindPublicUrl): boolean {
  const reads = incoming.method === 'GET' || incoming.method === 'HEAD'
  const site = incoming.headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin' || (site === 'none' && reads)
  const { origin } = incoming.headers
  if (origin === undefined) return reads
  if (!URL.canParse(origin)) return false
  const { host } = new URL(origin)
  return host === incoming.headers.host?.toLowerCase() || host === new URL(findPublicUrl(incoming)).host
}

/** Throws `not_permitted` for everybody but the operator. */
export function requireOperator(principal: SignedIn): void {
  if (principal.isOperator) return
  throw new HeadwaterError(
    'not_permitted',
    "Accounts are made and listed with the operator's token, the one in the server's data folder.",
  )
}

/**
 * Whether `principal` may do this in that account. Throws `not_found` for a malformed or unknown account, `not_permitted`
 * for an account that is not the principal's or a permission it lacks.
 */
export async function authorise(
  db: Db,
  principal: Principal,
  wanted: { readonly accountId: string; readonly permission: 'read' | 'write' },
): Promise<void> {
  if (wanted.accountId !== principal.accountId) {
    const known = /^[0-9a-f]{32}$/.test(wanted.accountId) && (await accountExists(db, wanted.accountId))
    if (!known) throw new HeadwaterError('not_found', 'There is no such account.')
    throw new HeadwaterError('not_permitted', 'The credentials belong to another account.')
  }
  if (wanted.permission === 'write' && principal.permission !== 'write') {
    throw new HeadwaterError('not_permitted', 'The credentials may only read (Stream Write is needed).')
  }
}

/** The dashboard's sign-in: a one-time code or an API token becomes a cookie that no script can read. */

import { z } from 'zod'
import {
  createSession,
  endSession,
  SESSION_SECONDS,
  type SignInCodes,
  verifyApiToken,
} from '../../core/access/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { type Answer, answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import type { FindPublicUrl } from '../request-address.ts'
import { isSameOrigin, readSessionCookie, SESSION_COOKIE, type SignIn } from '../sign-in.ts'

export type SessionDeps = {
  readonly db: Db
  readonly clock: Clock
  readonly signIn: SignIn
  readonly signInCodes: SignInCodes
  readonly findPublicUrl: FindPublicUrl
}

const identitySchema = z.object({ account_id: z.string(), permission: z.enum(['read', 'write']) })

/** The endpoints. */
export function sessionEndpoints(deps: SessionDeps): Endpoint[] {
  const shared = { path: '//dashboard/session', tag: 'Dashboard', access: 'open' } as const
  return [
    endpoint({
      ...shared,
      method: 'POST',
      summary: 'Signs the dashboard in with a one-time code or an API token',
      bodySchema: z.object({ code: z.string().optional(), token: z.string().optional() }),
      resultSchema: identitySchema,
      handle: async ({ body, incoming, publicUrl }) => {
        // Another page must not be able to sign its visitor in here as somebody else.
        if (!isSameOrigin(incoming, deps.findPublicUrl) && isFromAPage(incoming.headers)) {
          throw new HeadwaterError('not_permitted', "Only the dashboard's own pages may sign in.")
        }
        const accountId = await redeem(deps, body)
        const secret = await createSession(deps.db, deps.clock, accountId)
        return withCookie(answerResult({ account_id: accountId, permission: 'write' }), {
          secret,
          seconds: SESSION_SECONDS,
          publicUrl,
        })
      },
    }),
    endpoint({
      ...shared,
      method: 'GET',
      summary: 'Who is signed in',
      resultSchema: identitySchema,
      handle: async ({ incoming }) => {
        const { accountId, permission } = await deps.signIn(incoming)
        return answerResult({ account_id: accountId, permission })
      },
    }),
    endpoint({
      ...shared,
      method: 'DELETE',
      summary: 'Signs the dashboard out',
      resultSchema: z.literal(''),
      handle: async ({ incoming, publicUrl }) => {
        const secret = isSameOrigin(incoming, deps.findPublicUrl) ? readSessionCookie(incoming) : undefined
        if (secret !== undefined) await endSession(deps.db, secret)
        return withCookie(answerResult(''), { secret: '', seconds: 0, publicUrl })
      },
    }),
  ]
}

/** The account that a code or token opens. A session may write, so the token must be allowed to as well. */
async function redeem(
  deps: SessionDeps,
  { code, token }: { code?: string | undefined; token?: string | undefined },
): Promise<string> {
  if (code !== undefined) {
    const accountId = deps.signInCodes.redeem(code)
    if (accountId !== undefined) return accountId
    throw new HeadwaterError(
      'not_authenticated',
      'The sign-in code is unknown, used or older than ten minutes.',
    )
  }
  if (token === undefined) {
    throw new HeadwaterError('bad_request', '`code` or `token` is required.', { facts: { field: 'token' } })
  }
  const principal = await verifyApiToken(deps.db, token.trim(), deps.clock)
  if (principal === undefined) {
    throw new HeadwaterError('not_authenticated', 'The API token is unknown or revoked.')
  }
  if (principal.permission !== 'write') {
    throw new HeadwaterError(
      'not_permitted',
      'The dashboard needs a token that may write; this one may only read.',
    )
  }
  return principal.accountId
}

function isFromAPage(headers: {
  origin?: string | undefined
  'sec-fetch-site'?: string | undefined
}): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
}

function withCookie(answer: Answer, cookie: { secret: string; seconds: number; publicUrl: string }): Answer {
  const secure = cookie.publicUrl.startsWith('https:') ? '; Secure' : ''
  const text = `${SESSION_COOKIE}=${cookie.secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${cookie.seconds}${secure}`
  return { ...answer, headers: { ...answer.headers, 'set-cookie': text } }
}

/** Keys that customers sign playback tokens with, and tokens that the service signs for them; spec §5. */

import { z } from 'zod'
import {
  createSigningKey,
  createToken,
  deleteSigningKey,
  type KeyDeps,
  listSigningKeys,
  OwnKeys,
} from '../../core/protection/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { formatTimestamp } from '../../lib/timestamp.ts'
import { keyIsThere } from '../still-there.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'

export type SigningKeyDeps = KeyDeps

const keySchema = z.object({
  id: z.string().describe('Goes into tokens as kid'),
  created: z.iso.datetime(),
})

const tokenBody = z.object({
  id: z.string().optional().describe('Signing key to sign with; without it and pem the service signs'),
  pem: z.string().optional().describe('Private part of that key: base64 of the PEM, as it was shown'),
  exp: z.int().optional().describe('Seconds since 1970; default in an hour, at most in 24 hours'),
  nbf: z.int().optional().describe('Seconds since 1970; default an hour ago'),
  downloadable: z.boolean().optional().describe('Whether downloads are allowed; default false'),
  accessRules: z.array(z.unknown()).optional().describe('At most 5; the first that matches decides'),
  flags: z
    .object({ original: z.boolean().optional() })
    .optional()
    .describe('original: downloads give the untouched source'),
})

/** The endpoints. */
export function signingKeyEndpoints(deps: SigningKeyDeps): Endpoint[] {
  const shared = { tag: 'Signed playback', access: 'account' } as const
  const ownKeys = new OwnKeys(deps)
  return [
    endpoint({
      ...shared,
      method: 'POST',
      path: '/accounts/{account_id}/stream/{uid}/token',
      summary: 'Signs a token that plays one video, or what a live input broadcasts, in place of its id',
      bodySchema: tokenBody,
      resultSchema: z.object({ token: z.string() }),
      handle: async ({ accountId, uid, body }) =>
        answerResult({ token: await createToken({ ...deps, ownKeys }, { accountId, uid, ...body }) }),
    }),
    endpoint({
      ...shared,
      method: 'POST',
      path: '/accounts/{account_id}/stream/keys',
      creates: keyIsThere(deps.db),
      summary: 'Makes a signing key; the answer alone shows its private part',
      bodySchema: z.object({}),
      resultSchema: keySchema.extend({
        pem: z.string().describe('base64 of the private key as PKCS#1 PEM'),
        jwk: z.string().describe('base64 of the private key as JSON Web Key'),
      }),
      handle: async ({ accountId }) => {
        const { id, createdUs, pem, jwk } = await createSigningKey(deps, accountId)
        return answerResult({
          id,
          pem: toBase64(pem),
          jwk: toBase64(JSON.stringify(jwk)),
          created: formatTimestamp(createdUs),
        })
      },
    }),
    endpoint({
      ...shared,
      method: 'GET',
      path: '/accounts/{account_id}/stream/keys',
      summary: 'Signing keys of the account',
      resultSchema: z.array(keySchema.extend({ key_id: z.string().describe('The same as id') })),
      handle: async ({ accountId }) => {
        const keys = await listSigningKeys(deps.db, accountId)
        return answerResult(
          keys.map(({ id, createdUs }) => ({ id, created: formatTimestamp(createdUs), key_id: id })),
        )
      },
    }),
    endpoint({
      ...shared,
      method: 'DELETE',
      path: '/accounts/{account_id}/stream/keys/{id}',
      summary: 'Deletes a signing key; its tokens stop working at once',
      resultSchema: z.literal('Revoked'),
      handle: async ({ accountId, params }) => {
        const id = params.id ?? ''
        if (!/^[0-9a-f]{32}$/.test(id)) throw new HeadwaterError('not_found', 'There is no such signing key.')
        await deleteSigningKey(deps.db, accountId, id)
        return answerResult('Revoked')
      },
    }),
  ]
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64')
}

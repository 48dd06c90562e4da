/** What an endpoint of the JSON API is: one definition that is routed, checked, typed and documented. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { Principal } from '../core/access/index.ts'
import { HeadwaterError } from '../lib/failure.ts'
import { mapInSlices } from '../lib/in-slices.ts'
import { checkBody, checkQuery } from './check-fields.ts'
import { type EnvelopeExtras, formatSuccess, formatSuccessList } from './envelope.ts'
import { readJsonBody } from './read-body.ts'
import type { AnswerOnce } from './repeats.ts'
import type { StillThere } from './still-there.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * Who may call: `account` needs credentials for the account in the path, with Stream Write for everything but `GET`;
 * `account-or-operator` also takes the operator's token for any account, `operator` nothing else; `open` looks at
 * credentials itself, if at all.
 */
export type Access = 'account' | 'account-or-operator' | 'operator' | 'open'

/** One request that reached its endpoint. */
export type Call = {
  readonly principal: Principal | undefined
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly publicUrl: string
  readonly requestId: string
  readonly answerOnce: AnswerOnce
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

/** A call whose query and body have been checked. */
export type CheckedCall<Query, Body> = Omit<Call, 'query'> & {
  readonly query: Query
  readonly body: Body
  /** The account in the path, checked to be the caller's. */
  readonly accountId: string
  /** The video in the path. Throws `not_found` for what is not 32 lower-case hexadecimal characters. */
  readonly uid: string
}

/** A finished answer. */
export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/** What is said of an endpoint, for the router and for `/openapi.json`. */
export type EndpointFacts = {
  readonly method: Method
  /** Template below `/client/v4`, with `{name}` for a part that varies; or from the root when it begins with `//`. */
  readonly path: string
  readonly summary: string
  /** Group in the OpenAPI document. */
  readonly tag: string
  readonly access: Access
  readonly querySchema?: z.ZodObject
  readonly bodySchema?: z.ZodObject
  /** Shape of a form that is taken, where the endpoint reads the body itself; for the document only. */
  readonly formSchema?: z.ZodObject
  /** Shape of `result`; absent where the answer is no envelope. */
  readonly resultSchema?: z.ZodType
  /** Default `application/json`. */
  readonly contentType?: string
  /** It makes something each time, so a repeat with the same `Idempotency-Key` gets the first answer (spec §10). */
  readonly creates?: StillThere
  /** A byte route serves it; it is here to be documented and counted among the path's methods. */
  readonly servedElsewhere?: true
}

export type Endpoint = EndpointFacts & { readonly run: (call: Call) => Promise<Answer> }

type Definition<Query extends z.ZodObject, Body extends z.ZodObject> = Omit<
  EndpointFacts,
  'querySchema' | 'bodySchema'
> & {
  readonly querySchema?: Query
  readonly bodySchema?: Body
  readonly handle: (call: CheckedCall<z.output<Query>, z.output<Body>>) => Promise<Answer>
}

/** Makes an endpoint whose handler gets the query and body as the schemas type them. A body is read only if it has a schema. */
export function endpoint<
  Query extends z.ZodObject = z.ZodObject<Record<string, never>>,
  Body extends z.ZodObject = z.ZodObject<Record<string, never>>,
>(definition: Definition<Query, Body>): Endpoint {
  const { handle, ...facts } = definition
  return {
    ...facts,
    run: async (call) => {
      const query = facts.querySchema === undefined ? {} : checkQuery(facts.querySchema, call.query)
      const body =
        facts.bodySchema === undefined
          ? {}
          : checkBody(facts.bodySchema, await readJsonBody(call.incoming, call.outgoing))
      const checked = {
        ...call,
        query: query as z.output<Query>,
        body: body as z.output<Body>,
        accountId: call.params.account_id ?? '',
        get uid() {
          return checkUid(call.params.uid ?? '')
        },
      }
      const { creates } = facts
      return creates === undefined
        ? handle(checked)
        : once(call, { body, creates, make: () => handle(checked) })
    },
  }
}

async function once(
  call: Call,
  { body, creates, make }: { body: unknown; creates: StillThere; make: () => Promise<Answer> },
): Promise<Answer> {
  const { incoming } = call
  const accountId = call.params.account_id ?? call.principal?.accountId ?? ''
  return call.answerOnce(
    { accountId, incoming, body },
    {
      make: async () => {
        const answer = await make()
        return { ...answer, body: answer.body.toString() }
      },
      isThere: (kept) => creates(accountId, (JSON.parse(kept.body) as { result: unknown }).result),
    },
  )
}

/** Ids in: lower-case hexadecimal only; other text is an id of nothing (spec §1.2). */
function checkUid(text: string): string {
  if (/^[0-9a-f]{32}$/.test(text)) return text
  throw new HeadwaterError(
    'not_found',
    'There is no such video: a video id has 32 lower-case hexadecimal characters.',
  )
}

/** A success in its envelope. Never cached: what an answer shows may change at any time (spec §4.3). */
export function answerResult(result: unknown, extras?: EnvelopeExtras): Answer {
  return answerText('application/json', formatSuccess(result, extras))
}

/** A long list in its envelope: `present` makes an entry of each item, a slice of them at a time. */
export async function answerList<Item>(
  items: readonly Item[],
  present: (item: Item) => unknown,
  extras?: EnvelopeExtras,
): Promise<Answer> {
  const entries = await mapInSlices(items, (item) => JSON.stringify(present(item)))
  return answerText('application/json', formatSuccessList(entries, extras))
}

/** A success that is no envelope. */
export function answerText(contentType: string, body: Answer['body']): Answer {
  return { status: 200, headers: { 'content-type': contentType, 'cache-control': 'no-store' }, body }
}

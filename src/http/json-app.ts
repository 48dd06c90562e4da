/**
 * The JSON API: fastify as the router, and the same steps for every endpoint: method, credentials, account, permission,
 * rate, then the endpoint itself. Bodies are read by the endpoints (spec §1.2 parses them whatever their content type
 * says), so the framework is told that no method has one.
 */

import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { requireAccount } from '../core/access/index.ts'
import { HeadwaterError } from '../lib/failure.ts'
import type { Db } from '../tables.ts'
import type { Answer, Endpoint } from './endpoint.ts'
import { tellFailure } from './tell-failure.ts'
import { answerFailure } from './failure-answer.ts'
import type { CountRequest } from './rate-limit.ts'
import type { AnswerOnce } from './repeats.ts'
import type { FindPublicUrl } from './request-address.ts'
import { authorise, requireOperator, type SignIn, type SignedIn } from './sign-in.ts'

/** Base path of the API. */
export const API_BASE = '/client/v4'

/** What the server knows of a request before the router sees it. */
export type RequestContext = {
  readonly requestId: string
  /** Called once the route is known, for metrics: its template. */
  readonly nameRoute: (template: string) => void
  /** Called with what was thrown, before it is told. */
  readonly reportFailure: (error: unknown) => void
}

export type JsonAppDeps = {
  readonly db: Db
  readonly signIn: SignIn
  readonly findPublicUrl: FindPublicUrl
  readonly countRequest: CountRequest
  readonly answerOnce: AnswerOnce
  readonly endpoints: readonly Endpoint[]
  /** The context of a request that the server handed over. */
  readonly contextOf: (incoming: IncomingMessage) => RequestContext
}

/** Answers what reaches it; `ready` must have resolved before. */
export type JsonApp = {
  readonly ready: () => Promise<void>
  readonly handle: (incoming: IncomingMessage, outgoing: ServerResponse) => void
  readonly close: () => Promise<void>
}

/** Builds the app. Nothing listens. */
export function createJsonApp(deps: JsonAppDeps): JsonApp {
  const app = Fastify({
    logger: false,
    exposeHeadRoutes: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 8_192 },
    // The router cannot read the path, or a part of it is longer than any of ours: nobody lives there.
    frameworkErrors: (cause, request, reply) => {
      const nowhere = new HeadwaterError('no_route', `${request.method} ${pathOf(request)}.`, { cause })
      fail(deps, request, reply, nowhere)
    },
  })
  for (const method of METHODS) {
    if (method !== 'CONNECT') app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  }
  for (const [path, endpoints] of groupByPath(deps.endpoints)) addPath(app, deps, path, endpoints)
  app.setNotFoundHandler((request, reply) => {
    fail(deps, request, reply, new HeadwaterError('no_route', `${request.method} ${pathOf(request)}.`))
  })
  app.setErrorHandler((error, request, reply) => fail(deps, request, reply, error))
  return {
    ready: async () => {
      await app.ready()
    },
    handle: (incoming, outgoing) => app.routing(incoming, outgoing),
    close: () => app.close(),
  }
}

function pathOf(request: FastifyRequest): string {
  return (request.raw.url ?? '').split('?', 1)[0]?.slice(0, 200) ?? ''
}

/** Where an endpoint lies: below the API's base, or at the root for a path that begins with `//`. */
export function fullPath(endpoint: Pick<Endpoint, 'path'>): string {
  return endpoint.path.startsWith('//') ? endpoint.path.slice(1) : API_BASE + endpoint.path
}

function groupByPath(endpoints: readonly Endpoint[]): Map<string, Endpoint[]> {
  return Map.groupBy(endpoints, fullPath)
}

/** One route for all methods of a path, so that a wrong method is told as such (spec §1.2: 405 with `Allow`). */
function addPath(
  app: FastifyInstance,
  deps: JsonAppDeps,
  path: string,
  endpoints: readonly Endpoint[],
): void {
  const allow = endpoints.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ')
  app.route({
    method: app.supportedMethods,
    url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    handler: async (request, reply) => {
      deps.contextOf(request.raw).nameRoute(path)
      const method = request.method === 'HEAD' ? 'GET' : request.method
      const endpoint = endpoints.find((one) => one.method === method)
      if (endpoint === undefined) {
        throw new HeadwaterError(
          'method_not_allowed',
          `This address takes ${allow}, not ${request.method}.`,
          {
            facts: { allow },
          },
        )
      }
      send(reply, await run(deps, endpoint, request, reply))
      return reply
    },
  })
}

async function run(
  deps: JsonAppDeps,
  endpoint: Endpoint,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Answer> {
  const incoming = request.raw
  const params = request.params as Record<string, string>
  let principal: SignedIn | undefined
  if (endpoint.access !== 'open') {
    principal = await deps.signIn(incoming)
    if (endpoint.access === 'operator') requireOperator(principal)
    else if (endpoint.access === 'account-or-operator' && principal.isOperator) {
      await requireAccount(deps.db, params.account_id ?? '')
    } else {
      await authorise(deps.db, principal, {
        accountId: params.account_id ?? '',
        permission: endpoint.method === 'GET' ? 'read' : 'write',
      })
    }
    deps.countRequest(principal.tokenId)
  }
  const question = (incoming.url ?? '').indexOf('?')
  return endpoint.run({
    principal,
    params,
    query: new URLSearchParams(question === -1 ? '' : incoming.url?.slice(question + 1)),
    publicUrl: deps.findPublicUrl(incoming),
    requestId: deps.contextOf(incoming).requestId,
    answerOnce: deps.answerOnce,
    incoming,
    outgoing: reply.raw,
  })
}

/** Written past the framework, like every other answer of the server; it only has to know that it is done. */
function send(reply: FastifyReply, answer: Answer): void {
  reply.hijack()
  const { raw } = reply
  raw.statusCode = answer.status
  for (const [name, value] of Object.entries(answer.headers)) raw.setHeader(name, value)
  raw.setHeader('content-length', Buffer.byteLength(answer.body))
  raw.end(raw.req.method === 'HEAD' ? undefined : answer.body)
}

function fail(deps: JsonAppDeps, request: FastifyRequest, reply: FastifyReply, error: unknown): void {
  const context = deps.contextOf(request.raw)
  context.reportFailure(error)
  reply.hijack()
  answerFailure(request.raw, reply.raw, tellFailure(error, context.requestId), 'envelope')
}

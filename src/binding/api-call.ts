/** One request to the HTTP API and its answer taken out of the envelope; api.md §1. */

import { type ClassifyRefusal, InternalError, type Refusal, toStreamError } from './stream-error.ts'

/** Where the API is and who asks. */
export type ApiOptions = {
  /** E.g. `https://video.example.com/client/v4`; without the path it is added. */
  readonly baseURL: string
  /** 32 lower-case hexadecimal characters. */
  readonly accountId: string
  readonly apiToken: string
  /** Default: the one of the platform. */
  readonly fetch?: typeof fetch
}

/** What is asked; at most one of `json` and `form`. */
export type ApiRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below `/accounts/{account_id}/stream`, its parts percent-encoded. */
  readonly path: string
  /** Members that are undefined are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly json?: unknown
  readonly form?: FormData
  readonly classify?: ClassifyRefusal
}

/** Answers the envelope's `result`. Throws a `StreamError` for everything else. */
export type CallApi = <Result>(request: ApiRequest) => Promise<Result>

type Envelope = {
  readonly result?: unknown
  readonly success: boolean
  readonly errors?: readonly { code?: number; message?: string; source?: { pointer?: string } }[]
}

/** Throws a TypeError for options that cannot work. */
export function createApi(options: ApiOptions): CallApi {
  const base = `${readBase(options.baseURL)}/accounts/${readAccountId(options.accountId)}/stream`
  const authorization = `Bearer ${readToken(options.apiToken)}`
  const send: typeof fetch = options.fetch ?? ((input, init) => fetch(input, init))
  return async <Result>(request: ApiRequest) => {
    const url = `${base}${request.path}${formatQuery(request.query)}`
    const headers: Record<string, string> = { authorization }
    if (request.json !== undefined) headers['content-type'] = 'application/json'
    let response: Response
    let text: string
    try {
      response = await send(url, {
        method: request.method,
        headers,
        body: request.form ?? (request.json === undefined ? undefined : JSON.stringify(request.json)),
        // Followed, a POST would become a GET that succeeds and changes nothing (RFC 9110 §15.4).
        redirect: 'manual',
      })
      text = await response.text()
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw unanswered(`${request.method} ${url} got no answer: ${reason}`, cause)
    }
    const envelope = parseEnvelope(text)
    if (response.ok && envelope?.success === true) return envelope.result as Result
    if (response.ok) throw unanswered(`${request.method} ${url} was not answered by the Stream API.`)
    throw toStreamError(readRefusal(response.status, envelope), request.classify)
  }
}

function readBase(text: unknown): string {
  const given = typeof text === 'string' ? text.replace(/\/+$/, '').replace(/\/client\/v4$/, '') : ''
  if (/^https?:\/\//.test(given) && URL.canParse(given)) return `${given}/client/v4`
  throw new TypeError('baseURL must be the address of a server, such as https://video.example.com/client/v4.')
}

function readAccountId(text: unknown): string {
  if (typeof text === 'string' && /^[0-9a-f]{32}$/.test(text)) return text
  throw new TypeError('accountId must be 32 lower-case hexadecimal characters.')
}

/** The characters of RFC 6750 §2.1; the value itself never shows in an error. */
function readToken(text: unknown): string {
  if (typeof text === 'string' && /^[\w.~+/-]+=*$/.test(text)) return text
  throw new TypeError('apiToken must be an API token: letters, digits and ._~+/-')
}

function formatQuery(query: ApiRequest['query'] = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}

function parseEnvelope(text: string): Envelope | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'success' in value ? (value as Envelope) : undefined
  } catch {
    return undefined
  }
}

/** A refusal without an envelope comes from something between us and the server; its status says all there is. */
function readRefusal(statusCode: number, envelope: Envelope | undefined): Refusal {
  const error = envelope?.errors?.[0]
  return {
    statusCode,
    code: error?.code ?? 10500,
    message: error?.message ?? `HTTP ${statusCode}, not from the Stream API`,
    pointer: error?.source?.pointer,
  }
}

function unanswered(sentence: string, cause?: unknown): InternalError {
  return new InternalError(sentence, { code: 10500, statusCode: 502, cause })
}

/** A client of the server under torture: sends requests and writes down what it was told. */

import type { Journal } from './journal.ts'
import type { Value } from './model.ts'
import type { Access } from '../tus-lines.ts'
import type { ActionEnd } from './tally.ts'

/** A broken promise; its sentence says which. */
export class Violation extends Error {}

export type Reply = { readonly status: number; readonly text: string; readonly headers: Headers }

/** What a request is about, and what it changes. */
export type Change = { readonly action: string; readonly what?: string; readonly value?: Value }

type Init = {
  readonly method?: string
  /** Sent as JSON; a form as a form. */
  readonly body?: object | FormData
  readonly headers?: Readonly<Record<string, string>>
}

/** What a client that does everything right may be refused: what it asks for went away, or is there already. */
const REFUSALS: readonly number[] = [404, 409, 410, 423, 424]

export class Client {
  readonly journal: Journal
  readonly #access: Access
  /** A fault of this life may fail a request. */
  readonly #mayFail: boolean

  constructor(access: Access, journal: Journal, mayFail: boolean) {
    this.#access = access
    this.journal = journal
    this.#mayFail = mayFail
  }

  /** One request; `undefined` when its connection was cut. Paths that begin with `/stream` or `/headwater` are the API's. */
  async send(path: string, { method = 'GET', body, headers }: Init = {}): Promise<Reply | undefined> {
    const { url, accountId, token } = this.#access
    const isApi = /^\/(stream|headwater)(?![^/?])/.test(path)
    try {
      const response = await fetch(isApi ? `${url}/client/v4/accounts/${accountId}${path}` : url + path, {
        method,
        headers: { ...(isApi && { authorization: `Bearer ${token}` }), ...headers },
        body: body === undefined || body instanceof FormData ? body : JSON.stringify(body),
      })
      const text = Buffer.from(await response.arrayBuffer()).toString('latin1')
      return { status: response.status, text, headers: response.headers }
    } catch (error) {
      // What `fetch` throws when its connection is cut.
      if (error instanceof TypeError) return undefined
      throw error
    }
  }

  /**
   * A request that is counted, and the register it changes kept. Answers the reply when it was a success, else how it
   * ended. Throws a violation for an answer that this client should not get.
   */
  async change(change: Change, path: string, init: Init = {}): Promise<Reply | Exclude<ActionEnd, 'done'>> {
    const { action, what, value = null } = change
    if (what !== undefined) this.journal.write({ is: 'asked', what, value })
    const reply = await this.send(path, init)
    const end = reply === undefined ? 'cut' : this.judge(`${action} (${path})`, reply)
    this.journal.write({ is: 'action', of: action, end })
    if (what !== undefined && end === 'done') this.journal.write({ is: 'acknowledged', what, value })
    if (what !== undefined && end === 'refused') this.journal.write({ is: 'refused', what, value })
    return reply !== undefined && end === 'done' ? reply : end === 'done' ? 'cut' : end
  }

  /** How a request ended by its answer. Throws a violation for one that this client should not get. */
  judge(what: string, { status, text }: Pick<Reply, 'status' | 'text'>): ActionEnd {
    if (status >= 200 && status < 300) return 'done'
    if (REFUSALS.includes(status)) return 'refused'
    // A segment that takes longer than eight seconds is answered so too.
    if (status >= 500 && (this.#mayFail || status === 503)) return 'failed'
    throw new Violation(`${what} was answered ${status}: ${text.slice(0, 500)}`)
  }

  /** What the API answers, which must be a success. Throws `Cut` when the connection was. */
  async get<Result>(path: string): Promise<Result> {
    const reply = await this.send(path)
    if (reply === undefined) throw new Cut(`${path} was cut`)
    if (reply.status !== 200)
      throw new Violation(`GET ${path} was answered ${reply.status}: ${reply.text.slice(0, 500)}`)
    return resultOf(reply) as Result
  }
}

/** The server was killed while it was asked. */
export class Cut extends Error {}

/** `result` of an answer of the API. */
export function resultOf({ text }: Reply): unknown {
  return (JSON.parse(Buffer.from(text, 'latin1').toString()) as { result: unknown }).result
}

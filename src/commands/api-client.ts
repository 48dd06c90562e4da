/** How the commands talk to a server: where it is, who they are, and its answers as values or sentences. */

import { join } from 'node:path'
import { PROJECT_FOLDER } from '../config/own-files.ts'
import { ACCOUNT_ID_FILE, API_TOKEN_FILE, readSecret } from '../config/secrets.ts'
import type { Settings } from '../config/settings.ts'
import { CommandFailure } from './command-failure.ts'

/** Folder of the program itself; its `data` is where `npm start` keeps things, wherever the command is called. */
const OWN_DATA_DIR = join(PROJECT_FOLDER, 'data')

/** A server, and what is needed to ask it. */
export type ApiClient = {
  /** Without a trailing slash. */
  readonly serverUrl: string
  /** Base of the account's resources. */
  readonly accountUrl: string
  readonly token: string
}

/** Options of the command line that win over the settings. */
export type ClientOptions = {
  readonly server?: string | undefined
  readonly token?: string | undefined
  readonly account?: string | undefined
}

/** Where the server of these settings answers, as seen from this machine. Throws for a bad `--server`. */
export function serverUrl(settings: Settings, options: ClientOptions): string {
  if (options.server !== undefined) {
    const given = options.server.replace(/\/+$/, '').replace(/\/client\/v4$/, '')
    if (/^https?:\/\//.test(given) && URL.canParse(given)) return given
    throw new CommandFailure(
      `--server is "${options.server}", expected an address such as https://video.example.com.`,
    )
  }
  if (settings.publicUrl !== null) return settings.publicUrl
  const everywhere = settings.host === '0.0.0.0' || settings.host === '::'
  const host = everywhere ? '127.0.0.1' : settings.host
  return `http://${host.includes(':') ? `[${host}]` : host}:${settings.port}`
}

/** Puts together what the options, the settings and the data folder know. Throws if that is not enough. */
export async function openClient(settings: Settings, options: ClientOptions): Promise<ApiClient> {
  const url = serverUrl(settings, options)
  const token = options.token ?? settings.apiToken ?? (await readKept(settings, API_TOKEN_FILE))
  const account = options.account ?? settings.accountId ?? (await readKept(settings, ACCOUNT_ID_FILE))
  if (token === undefined || account === undefined) {
    const [what, option, name] =
      token === undefined ? ['API token', 'token', 'API_TOKEN'] : ['account id', 'account', 'ACCOUNT_ID']
    throw new CommandFailure(
      `No ${what} for ${url}: none was found in ${settings.dataDir}; give it with --${option} or HEADWATER_${name}.`,
    )
  }
  return { serverUrl: url, accountUrl: `${url}/client/v4/accounts/${account}`, token }
}

/** One JSON request below `base` (default: the account's); answers the envelope's `result`. Throws a `CommandFailure` with the server's own words. */
export async function askServer<Result>(
  client: ApiClient,
  request: { base?: string; path: string; method?: string; body?: unknown; signal?: AbortSignal },
): Promise<Result> {
  const { base = client.accountUrl, path, method = 'GET', body, signal } = request
  const response = await fetch(`${base}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${client.token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: signal ?? AbortSignal.timeout(30_000),
  }).catch((error: unknown) => {
    throw unreachable(client.serverUrl, error)
  })
  const envelope = parseEnvelope(await response.text())
  if (response.ok && envelope?.success === true) return envelope.result as Result
  throw refusal(response.status, envelope)
}

/** Whether anything answers there at all. */
export async function isRunning(url: string): Promise<boolean> {
  return fetch(`${url}/healthz`, { signal: AbortSignal.timeout(3_000) }).then(
    (response) => response.ok,
    () => false,
  )
}

/** The failure that says nobody answers at `url`. */
export function unreachable(url: string, cause: unknown): CommandFailure {
  return new CommandFailure(`No answer from ${url}: is the server running there?`, { cause })
}

/** A refused request as a failure with the server's own words. */
export function refusal(status: number, envelope: Envelope | undefined): CommandFailure {
  const words = envelope?.errors?.map((error) => `${error.message} (${error.code})`).join('; ')
  const hint = status === 401 || status === 403 ? ' Check --token and --account.' : ''
  return new CommandFailure(`The server answered ${status}: ${words || 'without a reason'}.${hint}`, {
    status,
  })
}

/** The vendor's wrapper around every JSON answer. */
export type Envelope = {
  readonly success?: boolean
  readonly result?: unknown
  readonly errors?: readonly { readonly code: number; readonly message: string }[]
}

/** Reads an envelope; undefined when the text is something else. */
export function parseEnvelope(text: string): Envelope | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

async function readKept(settings: Settings, file: string): Promise<string | undefined> {
  for (const folder of new Set([settings.dataDir, OWN_DATA_DIR])) {
    const secret = await readSecret(join(folder, file), /^[!-~]+$/, 'one word')
    if (secret !== undefined) return secret
  }
  return undefined
}

/**
 * `headwater token create|list|revoke`. While a server runs it is asked over HTTP, because the database belongs to it
 * alone; else the data folder is opened, locked and written here.
 */

import { parseArgs } from 'node:util'
import type { Settings } from '../config/settings.ts'
import { CommandFailure } from './command-failure.ts'
import { type ApiClient, askServer, isRunning, openClient, serverUrl } from './api-client.ts'
import { openFolder } from './open-folder.ts'

/** A token as it is told; the token itself only when it is made. */
type ListedToken = {
  readonly id: string
  readonly name: string
  readonly permission: 'read' | 'write'
  /** RFC 3339. */
  readonly created: string
  readonly revoked: string | null
}

/** The three things that can be done, wherever the tokens are. */
type TokenKeeper = {
  create(name: string, permission: 'read' | 'write'): Promise<{ id: string; token: string }>
  list(): Promise<readonly ListedToken[]>
  revoke(id: string): Promise<void>
  close(): Promise<void>
}

/** Runs the command; resolves with the exit code. */
export async function token(settings: Settings, args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string', default: 'command line' },
      'read-only': { type: 'boolean', default: false },
      server: { type: 'string' },
      token: { type: 'string' },
      account: { type: 'string' },
    },
  })
  const [action, id] = positionals
  if (action !== 'create' && action !== 'list' && !(action === 'revoke' && id !== undefined)) {
    throw new CommandFailure('Expected "create", "list" or "revoke <id>"; "headwater help token" says more.')
  }
  const url = serverUrl(settings, values)
  const remote = values.server !== undefined || (await isRunning(url))
  const keeper = remote
    ? askingKeeper(await openClient(settings, values))
    : await openFolderKeeper(settings, values.account)
  try {
    if (action === 'create') {
      const made = await keeper.create(values.name, values['read-only'] ? 'read' : 'write')
      process.stdout.write(`${made.token}\n`)
      process.stderr.write(`Token ${made.id} is shown this once; only its hash is kept.\n`)
    } else if (action === 'list') {
      process.stdout.write(formatTokens(await keeper.list()))
    } else if (action === 'revoke' && id !== undefined) {
      await keeper.revoke(id)
      process.stdout.write(`Token ${id} is revoked.\n`)
    } else {
      throw new CommandFailure(
        'Expected "create", "list" or "revoke <id>"; "headwater help token" says more.',
      )
    }
    return 0
  } finally {
    await keeper.close()
  }
}

function askingKeeper(client: ApiClient): TokenKeeper {
  const path = '/headwater/tokens'
  return {
    create: (name, permission) => askServer(client, { path, method: 'POST', body: { name, permission } }),
    list: () => askServer(client, { path }),
    revoke: async (id) => {
      await askServer(client, { path: `${path}/${encodeURIComponent(id)}`, method: 'DELETE' })
    },
    close: async () => {},
  }
}

async function openFolderKeeper(settings: Settings, account: string | undefined): Promise<TokenKeeper> {
  const folder = await openFolder(settings)
  const { db, clock, secrets, access } = folder
  const accountId = account ?? secrets.accountId
  return {
    create: (name, permission) => access.createApiToken(db, clock, { accountId, name, permission }),
    list: async () =>
      (await access.listApiTokens(db, accountId)).map((row) => ({
        id: row.id,
        name: row.name,
        permission: row.permission,
        created: new Date(row.createdUs / 1000).toISOString(),
        revoked: row.revokedUs === null ? null : new Date(row.revokedUs / 1000).toISOString(),
      })),
    revoke: (id) => access.revokeApiToken(db, clock, accountId, id),
    close: () => folder.close(),
  }
}

function formatTokens(tokens: readonly ListedToken[]): string {
  if (tokens.length === 0) return 'There are no tokens.\n'
  const lines = tokens.map((row) => {
    const state = row.revoked === null ? 'active' : `revoked ${row.revoked}`
    return `${row.id}  ${row.permission.padEnd(5)}  ${row.created}  ${state}  ${row.name}`
  })
  return `${lines.join('\n')}\n`
}

/**
 * `headwater account create|list|set`. Like tokens: a running server is asked over HTTP, else the data folder is opened.
 * Both need what only the operator has, the server's own token or the folder.
 */

import { parseArgs } from 'node:util'
import type { Settings } from '../config/settings.ts'
import { askServer, isRunning, openClient, serverUrl } from './api-client.ts'
import { CommandFailure } from './command-failure.ts'
import { openFolder } from './open-folder.ts'

type ListedAccount = {
  readonly id: string
  readonly name: string
  readonly storageMinutes: number | null
  /** RFC 3339. */
  readonly created: string
}

/** What may be given; absent = unchanged, or the default. */
type Fields = { readonly name?: string | undefined; readonly storageMinutes?: number | null | undefined }

/** The three things that can be done, wherever the accounts are. */
type AccountKeeper = {
  create(fields: Fields & { readonly name: string }): Promise<{ id: string; token: string }>
  list(): Promise<readonly ListedAccount[]>
  set(id: string, fields: Fields): Promise<void>
  close(): Promise<void>
}

const EXPECTED = 'Expected "create --name TEXT", "list" or "set <id>"; "headwater help account" says more.'

/** Runs the command; resolves with the exit code. */
export async function account(settings: Settings, args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      'storage-minutes': { type: 'string' },
      server: { type: 'string' },
      token: { type: 'string' },
    },
  })
  const [action, id] = positionals
  const fields: Fields = { name: values.name, storageMinutes: readMinutes(values['storage-minutes']) }
  const act = actionOf(action, id, fields)
  const remote = values.server !== undefined || (await isRunning(serverUrl(settings, values)))
  const keeper = remote ? await askingKeeper(settings, values) : await folderKeeper(settings)
  try {
    process.stdout.write(await act(keeper))
    return 0
  } finally {
    await keeper.close()
  }
}

/** What is to be done, answering what is to be said. Throws when the words make no sense, before anything is opened. */
function actionOf(
  action: string | undefined,
  id: string | undefined,
  fields: Fields,
): (keeper: AccountKeeper) => Promise<string> {
  const { name } = fields
  if (action === 'list' && id === undefined) return async (keeper) => formatAccounts(await keeper.list())
  if (action === 'create' && name !== undefined) {
    return async (keeper) => {
      const made = await keeper.create({ ...fields, name })
      process.stderr.write('The token may write; it is shown this once, only its hash is kept.\n')
      return `account id  ${made.id}\nAPI token   ${made.token}\n`
    }
  }
  if (action === 'set' && id !== undefined && Object.values(fields).some((value) => value !== undefined)) {
    return async (keeper) => {
      await keeper.set(id, fields)
      return `Account ${id} is changed.\n`
    }
  }
  throw new CommandFailure(EXPECTED)
}

/** `default` = what the setting says. */
function readMinutes(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined
  if (text === 'default') return null
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new CommandFailure(
    `--storage-minutes is "${text}", expected a whole number (0 = unlimited) or "default".`,
  )
}

async function askingKeeper(
  settings: Settings,
  options: { server?: string | undefined; token?: string | undefined },
): Promise<AccountKeeper> {
  const client = await openClient(settings, options)
  const path = '/headwater/accounts'
  const base = `${client.serverUrl}/client/v4`
  return {
    create: (fields) => askServer(client, { base, path, method: 'POST', body: fields }),
    list: () => askServer(client, { base, path }),
    set: async (id, fields) => {
      await askServer(client, {
        base,
        path: `${path}/${encodeURIComponent(id)}`,
        method: 'PATCH',
        body: fields,
      })
    },
    close: async () => {},
  }
}

async function folderKeeper(settings: Settings): Promise<AccountKeeper> {
  const folder = await openFolder(settings)
  const { db, clock, access } = folder
  return {
    create: async (fields) => {
      const { id } = await access.createAccount(db, clock, fields)
      const first = { accountId: id, name: 'first token', permission: 'write' } as const
      return { id, token: (await access.createApiToken(db, clock, first)).token }
    },
    list: async () =>
      (await access.listAccounts(db)).map(({ createdUs, ...each }) => ({
        ...each,
        created: new Date(createdUs / 1000).toISOString(),
      })),
    set: async (id, fields) => {
      await access.changeAccount(db, id, fields)
    },
    close: () => folder.close(),
  }
}

function formatAccounts(accounts: readonly ListedAccount[]): string {
  return accounts
    .map(({ id, created, storageMinutes, name }) => {
      const minutes =
        storageMinutes === null ? 'default' : storageMinutes === 0 ? 'unlimited' : `${storageMinutes} min`
      return `${id}  ${created}  ${minutes.padEnd(9)}  ${name}\n`
    })
    .join('')
}

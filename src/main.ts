/** Reads the command, hands over. Exit codes: 0 done, 1 failed (told in a sentence), 2 the command line was wrong. */

import { parseArgs } from 'node:util'
import { CommandFailure } from './commands/command-failure.ts'
import { helpFor } from './commands/help.ts'
import { printSettings } from './config/describe-settings.ts'
import { readSettings } from './config/settings.ts'
import { warnOfUnknownSettings } from './config/unknown-settings.ts'
import { VERSION } from './config/version.ts'
import { isFailure } from './lib/failure.ts'

/** What each command does with the words after its name; resolves with the exit code. */
const COMMANDS: Readonly<Record<string, (args: string[]) => Promise<number>>> = {
  serve: runServe,
  upload: async (args) => (await import('./commands/upload.ts')).upload(readSettings(), args),
  doctor: async (args) => (await import('./commands/doctor.ts')).doctor(args),
  account: async (args) => (await import('./commands/account.ts')).account(readSettings(), args),
  scrub: async (args) => (await import('./commands/scrub.ts')).scrub(readSettings(), args),
  token: async (args) => (await import('./commands/token.ts')).token(readSettings(), args),
}

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args
  try {
    if (first === '--version' || first === '-v') return say(VERSION)
    if (first === 'help' || first === '--help' || first === '-h')
      return say(helpFor(rest[0] && nameOfCommand(rest[0])))
    if (first === '--print-config') return say(printSettings(readSettings()).trimEnd())
    if (first === undefined) return complain(helpFor())
    const name = nameOfCommand(first)
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (!command) return complain(`headwater has no command "${first}".\n\n${helpFor()}`)
    if (rest.includes('--help') || rest.includes('-h')) return say(helpFor(name))
    return await command(rest)
  } catch (error) {
    return explain(error)
  }
}

/** `tokens` is understood as `token`, `accounts` as `account`. */
function nameOfCommand(word: string): string {
  return /^(?:token|account)s$/.test(word) ? word.slice(0, -1) : word
}

async function runServe(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { 'print-config': { type: 'boolean' } } })
  const settings = readSettings()
  for (const warning of warnOfUnknownSettings()) process.stderr.write(`warning: ${warning}\n`)
  if (values['print-config']) return say(printSettings(settings).trimEnd())
  const { findDecoder } = await import('./commands/find-decoder.ts')
  // Processes of others are at work while the program is read.
  const decoder = findDecoder(settings)
  // The start meets its failure.
  decoder.catch(() => undefined)
  const { serve } = await import('./commands/serve.ts')
  await serve(settings, { version: VERSION, decoder })
  return 0
}

function say(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}

function complain(text: string): number {
  process.stderr.write(`${text}\n`)
  return 2
}

function explain(error: unknown): number {
  if (error instanceof CommandFailure || (isFailure(error) && error.kind !== 'bug')) {
    for (const line of error.message.split('\n')) process.stderr.write(`headwater: ${line}\n`)
    return 1
  }
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    return complain(`headwater: ${error.message}\n"headwater help" shows what is understood.`)
  }
  if (isListenError(error)) {
    process.stderr.write(`headwater: ${describeListenError(error)}\n`)
    return 1
  }
  process.stderr.write(
    `headwater: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  return 1
}

type ListenError = NodeJS.ErrnoException & { address?: string; port?: number }

function isListenError(error: unknown): error is ListenError {
  return error instanceof Error && 'syscall' in error && error.syscall === 'listen'
}

function describeListenError(error: ListenError): string {
  const where = `${error.address ?? '?'} port ${error.port ?? '?'}`
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program listens there',
    EACCES: 'this user may not listen there',
    EADDRNOTAVAIL: 'this machine has no such address',
  }
  const reason = reasons[error.code ?? ''] ?? error.message
  return `Cannot listen on ${where}: ${reason}; choose another HEADWATER_PORT or HEADWATER_HOST.`
}

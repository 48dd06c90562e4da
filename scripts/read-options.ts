/** The options of the long tests: a wrong one is told in a sentence and ends the process with 2, before anything runs. */

import { parseArgs } from 'node:util'

/** What was given, by name; all are texts. `--help` prints `usage` and ends the process with 0. */
export function readOptions(
  usage: string,
  names: readonly string[],
): Readonly<Record<string, string | undefined>> {
  try {
    const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean' as const, short: 'h' } } })
    if (values.help !== true) return values as Record<string, string | undefined>
    process.stdout.write(`${usage}\n`)
    return process.exit(0)
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  }
}

/** A whole number from 0 on, or with `fraction` any from 0 on; `otherwise` when it was not given. */
export function readNumber(
  options: Readonly<Record<string, string | undefined>>,
  name: string,
  otherwise: number,
  kind: 'whole' | 'fraction' = 'whole',
): number {
  const text = options[name]
  if (text === undefined) return otherwise
  const pattern = kind === 'whole' ? /^\d{1,9}$/ : /^\d{1,9}(\.\d+)?$/
  return pattern.test(text) ? Number(text) : refuse(`--${name} is "${text}", expected a number`)
}

/** One of `choices`; undefined when it was not given. */
export function readChoice(
  options: Readonly<Record<string, string | undefined>>,
  name: string,
  choices: readonly string[],
): string | undefined {
  const text = options[name]
  if (text === undefined || choices.includes(text)) return text
  return refuse(`--${name} is "${text}", expected ${choices.join(' or ')}`)
}

function refuse(sentence: string): never {
  process.stderr.write(`${sentence}\n`)
  return process.exit(2)
}

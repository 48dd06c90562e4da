/** Which tests a file holds, read from its syntax: nothing is run, so a page of documentation can be held against them. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'vite'
import { ROOT } from './source-files.ts'

/** Between the names of a test and of what it lies in, as the runner prints them. */
export const TITLE_SEPARATOR = ' › '

/** The tests of one file. */
export type TestTitles = {
  /**
   * Whether a test is called so. A title with places for the values of its table (`%s`, `$name`) is met by one in which
   * each holds a value that stands in the file, or is left as it is for all of them.
   */
  readonly has: (title: string) => boolean
}

type Syntax = Readonly<Record<string, unknown>> & { readonly type: string }

const PLACE = /%[a-z]|\$\w+/g

/** Reads `path`, relative to the root of the repository; undefined when there is no such file. */
export function readTestTitles(path: string): TestTitles | undefined {
  let text: string
  try {
    text = readFileSync(join(ROOT, path), 'utf8')
  } catch {
    return undefined
  }
  const titles: string[] = []
  const values = new Set<string>()
  collect(parseSync(path, text).program, [], { titles, values })
  return { has: (title) => titles.some((written) => fits(title, written, values)) }
}

function fits(title: string, written: string, values: ReadonlySet<string>): boolean {
  const parts = written.split(PLACE).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  const found = new RegExp(`^${parts.join('(.+)')}$`, 's').exec(title)
  if (!found) return false
  const places = written.match(PLACE) ?? []
  return places.every((place, index) => {
    const value = found[index + 1] ?? ''
    return value === place || values.has(value) || values.has(value.replace(/^"(.*)"$/, '$1'))
  })
}

function collect(
  node: unknown,
  inside: readonly string[],
  found: { readonly titles: string[]; readonly values: Set<string> },
): void {
  if (Array.isArray(node)) {
    for (const child of node) collect(child, inside, found)
    return
  }
  if (!isSyntax(node)) return
  if (node.type === 'Literal') found.values.add(String(node.value))
  const named = node.type === 'CallExpression' ? nameOfTests(node) : undefined
  const titles = named === undefined ? inside : [...inside, named.title]
  if (named?.kind === 'test') found.titles.push(titles.join(TITLE_SEPARATOR))
  for (const child of Object.values(node)) collect(child, titles, found)
}

/** What `describe('title', …)`, `test.each(table)('title', …)` and their like name; undefined for any other call. */
function nameOfTests(call: Syntax): { kind: 'describe' | 'test'; title: string } | undefined {
  const [, kind] = /^(describe|test)/.exec(calledName(call.callee)) ?? []
  const [first, ...others] = call.arguments as readonly Syntax[]
  if (kind === undefined || !others.some(({ type }) => /Function/.test(type))) return undefined
  const title = textOf(first)
  return title === undefined ? undefined : { kind: kind as 'describe' | 'test', title }
}

/** The first name of `test.each(table)`: `test`. */
function calledName(callee: unknown): string {
  if (!isSyntax(callee)) return ''
  if (callee.type === 'Identifier') return String(callee.name)
  return calledName(callee.type === 'CallExpression' ? callee.callee : callee.object)
}

/** A text as it is written; what is computed in it becomes a place of its own. */
function textOf(node: Syntax | undefined): string | undefined {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value
  if (node?.type !== 'TemplateLiteral') return undefined
  return (node.quasis as readonly { value: { cooked: string } }[]).map(({ value }) => value.cooked).join('%s')
}

function isSyntax(node: unknown): node is Syntax {
  return typeof node === 'object' && node !== null && typeof (node as { type?: unknown }).type === 'string'
}

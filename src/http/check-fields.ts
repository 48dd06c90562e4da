/** From parsed JSON or a query to typed values by an endpoint's zod schema, with the API's own refusals; spec §1.2. */

import { z } from 'zod'
import { type FailureCode, HeadwaterError } from '../lib/failure.ts'

/**
 * The body as its schema types it. Keys match in any case (an exact one wins), unknown ones are dropped. Throws
 * `bad_json` for a wrong JSON type, `bad_request` for a bad or missing value; both name the field.
 */
export function checkBody<S extends z.ZodObject>(schema: S, body: Record<string, unknown>): z.output<S> {
  const folded = foldKeys(schema, body)
  const checked = schema.safeParse(folded)
  if (checked.success) return checked.data
  throw toFailure(checked.error, folded, 'body')
}

/**
 * The query as its schema types it: every value is text, an empty one or `undefined` counts as absent, the last of
 * several equal names wins. Throws `bad_request` naming the parameter.
 */
export function checkQuery<S extends z.ZodObject>(schema: S, query: URLSearchParams): z.output<S> {
  const given = Object.fromEntries([...query].filter(([, value]) => value !== '' && value !== 'undefined'))
  const checked = schema.safeParse(given)
  if (checked.success) return checked.data
  throw toFailure(checked.error, given, 'query')
}

/** Gives keys that differ from the schema's only in case the schema's spelling, also inside known objects. */
function foldKeys(schema: z.ZodType, value: unknown): unknown {
  const object = unwrap(schema)
  if (!(object instanceof z.ZodObject) || !isRecord(value)) return value
  const names = new Map(Object.keys(value).map((name) => [name.toLowerCase(), name]))
  const folded: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(object.shape)) {
    const name = Object.hasOwn(value, key) ? key : names.get(key.toLowerCase())
    if (name !== undefined) folded[key] = foldKeys(inner, value[name])
  }
  return folded
}

/** The schema without what says that it may be absent, null, or be changed afterwards. */
function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return unwrap(schema.unwrap() as z.ZodType)
  }
  if (schema instanceof z.ZodPipe) return unwrap(schema.in as z.ZodType)
  return schema
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** zod's names of expected types that are not JSON's own. */
const JSON_TYPES: Readonly<Record<string, string>> = { record: 'object', int: 'number' }

function toFailure(error: z.ZodError, given: unknown, part: 'body' | 'query'): HeadwaterError {
  const issue = error.issues[0]
  const path = issue?.path ?? []
  const field = path.join('.')
  const found = valueAt(given, path)
  let code: FailureCode = 'bad_request'
  let sentence = issue?.message ?? 'is not accepted'
  if (found === undefined) sentence = 'is required'
  else if (issue?.code === 'invalid_type' && part === 'body') {
    const expected = JSON_TYPES[issue.expected] ?? issue.expected
    if (expected !== jsonType(found)) {
      code = 'bad_json'
      sentence = `must be of type ${expected}, not ${jsonType(found)}`
    }
  }
  return new HeadwaterError(code, `${field} ${sentence}.`, { facts: { field } })
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at: unknown = value
  for (const key of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = (at as Record<PropertyKey, unknown>)[key]
  }
  return at
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

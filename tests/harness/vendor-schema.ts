/**
 * Holds answers against the vendor's own machine-readable description of the API, which lies beside the project where
 * it is developed. Without it the checks are skipped, with one line that says so; with `CI=true` that is an error.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'

const FILE = join(import.meta.dirname, '../../../shared/spec/stream-openapi.json')

type Schema = { [key: string]: unknown }
type Document = {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}
type Operation = { responses: Record<string, { content?: Record<string, { schema: Schema }> }> }

/**
 * Where our written specification differs from the vendor's text on purpose (it wins): members that may be null, or
 * that the vendor types more narrowly than its own service answers.
 */
const NULL_ALLOWED = [
  'stream_videos.creator',
  'stream_videos.readyToStreamAt',
  'stream_videos.scheduledDeletion',
  'stream_videos.uploadExpiry',
  'stream_videos.uploaded',
  'stream_videos.maxDurationSeconds',
  'stream_videos.maxSizeBytes',
  'stream_videos.watermark',
  'stream_api-response-common-failure.messages',
] as const

/** Says what is wrong with an answer; empty = nothing. */
export type CheckAnswer = (answer: {
  method: string
  path: string
  status: number
  body: unknown
}) => readonly string[]

/** The checker, or `undefined` (told once) where the vendor's description is absent. */
export function loadVendorSchema(): CheckAnswer | undefined {
  if (!existsSync(FILE)) {
    if (process.env.CI === 'true') throw new Error(`${FILE} is absent; CI needs it.`)
    console.warn('skipped: the checks against the vendor’s OpenAPI description, which is not here')
    return undefined
  }
  const document = JSON.parse(readFileSync(FILE, 'utf8')) as Document
  allowNulls(document.components.schemas)
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false })
  ajv.addSchema({ $id: 'vendor', components: toJsonSchema(document.components) as Schema })
  const compiled = new Map<string, ValidateFunction>()
  const templates = Object.keys(document.paths).map((path) => ({ path, pattern: toPattern(path) }))
  return ({ method, path, status, body }) => {
    const template = templates.find(({ pattern }) => pattern.test(path))
    const operation = template && document.paths[template.path]?.[method.toLowerCase()]
    if (template === undefined || operation === undefined) return []
    const answers = operation.responses[status] ?? operation.responses[`${String(status)[0]}XX`]
    const schema = (answers ?? operation.responses['4XX'])?.content?.['application/json']?.schema
    if (schema === undefined) return []
    const key = `${method} ${template.path} ${status}`
    const validate = compiled.get(key) ?? ajv.compile(toJsonSchema(schema) as Schema)
    compiled.set(key, validate)
    if (validate(body)) return []
    return (validate.errors ?? []).map(
      (error) => `${key}: ${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`,
    )
  }
}

function toPattern(path: string): RegExp {
  return new RegExp(`/client/v4${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`)
}

function allowNulls(schemas: Record<string, Schema>): void {
  for (const name of NULL_ALLOWED) {
    const [schema = '', member = ''] = name.split('.')
    const properties = schemas[schema]?.properties as Record<string, Schema> | undefined
    if (properties?.[member] === undefined) continue
    properties[member] = { anyOf: [properties[member], { enum: [null] }] }
  }
}

/** OpenAPI 3.0 to JSON Schema: `nullable`, and references into the shared document. */
function toJsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toJsonSchema)
  if (typeof value !== 'object' || value === null) return value
  const { nullable, ...rest } = value as Schema
  const converted = Object.fromEntries(
    Object.entries(rest).map(([key, inner]) =>
      key === '$ref' && typeof inner === 'string'
        ? [key, inner.replace(/^#/, 'vendor#')]
        : [key, toJsonSchema(inner)],
    ),
  )
  return nullable === true ? { anyOf: [converted, { enum: [null] }] } : converted
}

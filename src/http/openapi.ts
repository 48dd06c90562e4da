/** Our own OpenAPI 3.1 document, made from the endpoints' schemas: what it says is what is checked. */

import { z } from 'zod'
import type { Endpoint } from './endpoint.ts'
import { fullPath } from './json-app.ts'

type JsonSchema = Readonly<Record<string, unknown>>

/** The document as JSON text; `publicUrl` is where the server is reached. */
export function formatOpenApi(endpoints: readonly Endpoint[], publicUrl: string): string {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const endpoint of endpoints) {
    const path = (paths[fullPath(endpoint)] ??= {})
    path[endpoint.method.toLowerCase()] = describeOperation(endpoint)
  }
  return JSON.stringify({
    openapi: '3.1.0',
    info: {
      title: 'Headwater',
      version: '1',
      description:
        'The Cloudflare Stream API on your own machine, and a few calls of our own under `headwater`.',
    },
    servers: [{ url: publicUrl }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        email: { type: 'apiKey', in: 'header', name: 'X-Auth-Email' },
        key: { type: 'apiKey', in: 'header', name: 'X-Auth-Key' },
      },
      schemas: { Failure: FAILURE },
    },
  })
}

function describeOperation(endpoint: Endpoint): JsonSchema {
  return {
    summary: endpoint.summary,
    tags: [endpoint.tag],
    operationId: operationId(endpoint),
    security: endpoint.access !== 'open' ? [{ token: [] }, { email: [], key: [] }] : [],
    parameters: [...pathParameters(endpoint), ...queryParameters(endpoint)],
    ...requestBody(endpoint),
    responses: {
      ...success(endpoint),
      default: {
        description: 'Refused',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } },
      },
    },
  }
}

/** E.g. `get-accounts-stream-uid`; unique because method and path are. */
function operationId({ method, path }: Endpoint): string {
  return [method.toLowerCase(), ...path.split('/').map((part) => part.replaceAll(/[{}]/g, ''))]
    .filter((part) => part !== '')
    .join('-')
}

function pathParameters({ path }: Endpoint): JsonSchema[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    in: 'path',
    name,
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters({ querySchema }: Endpoint): JsonSchema[] {
  if (querySchema === undefined) return []
  return Object.entries(querySchema.shape as Record<string, z.ZodType>).map(([name, schema]) => ({
    in: 'query',
    name,
    required: false,
    ...(schema.description === undefined ? {} : { description: schema.description }),
    schema: toJsonSchema(schema, 'input'),
  }))
}

function requestBody({ bodySchema, formSchema }: Endpoint): JsonSchema {
  const taken = { 'application/json': bodySchema, 'multipart/form-data': formSchema }
  const content = Object.entries(taken).flatMap(([type, schema]) =>
    schema === undefined ? [] : [[type, { schema: toJsonSchema(schema, 'input') }] as const],
  )
  return content.length === 0 ? {} : { requestBody: { content: Object.fromEntries(content) } }
}

function success({ resultSchema, contentType, servedElsewhere }: Endpoint): JsonSchema {
  if (contentType !== undefined) {
    return { 200: { description: 'Done', content: { [contentType]: { schema: { type: 'string' } } } } }
  }
  if (servedElsewhere) return { 201: { description: 'Made; see the headers' } }
  const envelope = z.object({
    result: resultSchema ?? z.unknown(),
    success: z.literal(true),
    errors: z.array(NOTE),
    messages: z.array(NOTE),
    total: z.int().optional(),
    range: z.int().optional(),
  })
  return {
    200: {
      description: 'Done',
      content: { 'application/json': { schema: toJsonSchema(envelope, 'output') } },
    },
  }
}

function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    reused: 'inline',
    unrepresentable: 'any',
    // Unknown fields are ignored on the way in, and may be added on the way out.
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
      // zod writes the range of JavaScript's safe integers into every one.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
    },
  })
  return rest
}

const NOTE = z.object({ code: z.int(), message: z.string() })

const FAILURE = {
  type: 'object',
  required: ['result', 'success', 'errors', 'messages'],
  properties: {
    result: { type: 'null' },
    success: { const: false },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['code', 'message'],
        properties: {
          code: { type: 'integer', minimum: 1000 },
          message: { type: 'string' },
          source: { type: 'object', properties: { pointer: { type: 'string' } } },
        },
      },
    },
    messages: { type: ['array', 'null'] },
  },
}

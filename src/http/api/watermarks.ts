/** `client.stream.watermarks`: profiles of marks that are burnt into pictures; spec §11. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import type { FormFile } from '../../core/uploads/index.ts'
import {
  deleteWatermark,
  imageTooLarge,
  listWatermarks,
  MAX_IMAGE_BYTES,
  type NewWatermark,
  requireWatermark,
  type WatermarkDeps,
  WatermarkMaker,
} from '../../core/watermarks/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { announcedBytes, FormReader, isForm } from '../bytes/read-form.ts'
import { checkBody } from '../check-fields.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import { presentWatermark, watermarkSchema } from '../present-watermark.ts'
import { readJsonBody } from '../read-body.ts'
import { watermarkIsThere } from '../still-there.ts'

export type { WatermarkDeps } from '../../core/watermarks/index.ts'

const WATERMARKS = '/accounts/{account_id}/stream/watermarks'
const SHARED = { tag: 'Watermarks', access: 'account' } as const
/** What a form may carry beside its file. */
const ENVELOPE_BYTES = 65_536
const MAX_FORM_BYTES = MAX_IMAGE_BYTES + ENVELOPE_BYTES

const bodySchema = z.object({
  url: z.string().optional().describe('Address of the PNG, http or https; fetched before the answer'),
  name: z.string().optional().describe('At most 255 characters; default empty'),
  opacity: z.number().optional().describe('0.0 to 1.0; default 1'),
  padding: z.number().optional().describe('0.0 to 1.0; default 0.05'),
  scale: z.number().optional().describe('0.0 to 1.0; default 0.15'),
  position: z
    .string()
    .optional()
    .describe('upperRight (default), upperLeft, lowerLeft, lowerRight or center'),
})
const formSchema = bodySchema.extend({
  file: z.string().optional().describe('The PNG itself, at most 2 MiB and 4,096 pixels a side'),
})

/** The endpoints. */
export function watermarkEndpoints(deps: WatermarkDeps): Endpoint[] {
  return [create(deps), list(deps), details(deps), remove(deps)]
}

function create(deps: WatermarkDeps): Endpoint {
  const maker = new WatermarkMaker(deps)
  const { run, ...facts } = endpoint({
    ...SHARED,
    method: 'POST',
    path: WATERMARKS,
    creates: watermarkIsThere(deps.db),
    summary: 'Makes a profile from a PNG, sent as multipart/form-data or named by its address',
    resultSchema: watermarkSchema,
    handle: async ({ accountId, incoming, outgoing }) => {
      const gone = new AbortController()
      outgoing.once('close', () => gone.abort(new Error('The client has gone.')))
      const request = isForm(incoming)
        ? await readForm(deps, incoming, outgoing)
        : readBody(await readJsonBody(incoming, outgoing))
      const made = await maker.create({ ...request, accountId, signal: gone.signal })
      return answerResult(presentWatermark(made))
    },
  })
  // Told for the document only: which of the two comes, the handler sees.
  return { ...facts, bodySchema, formSchema, run }
}

function list(deps: WatermarkDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: WATERMARKS,
    summary: 'Profiles of the account, newest first',
    resultSchema: z.array(watermarkSchema),
    handle: async ({ accountId }) =>
      answerResult((await listWatermarks(deps.db, accountId)).map(presentWatermark)),
  })
}

function details(deps: WatermarkDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'GET',
    path: `${WATERMARKS}/{watermark}`,
    summary: 'A profile',
    resultSchema: watermarkSchema,
    handle: async ({ accountId, params }) =>
      answerResult(presentWatermark(await requireWatermark(deps.db, accountId, params.watermark ?? ''))),
  })
}

function remove(deps: WatermarkDeps): Endpoint {
  return endpoint({
    ...SHARED,
    method: 'DELETE',
    path: `${WATERMARKS}/{watermark}`,
    summary: 'Deletes a profile; videos keep their mark',
    resultSchema: z.literal(''),
    handle: async ({ accountId, params }) => {
      await deleteWatermark(deps, accountId, params.watermark ?? '')
      return answerResult('')
    },
  })
}

type Asked = Pick<NewWatermark, 'placement' | 'image' | 'url'>

function readBody(given: Record<string, unknown>): Asked {
  const { url, ...placement } = checkBody(bodySchema, given)
  return { placement, url }
}

/** Up to version 5 the SDK sends a form whatever it was given, so numbers come as text. */
async function readForm(
  deps: WatermarkDeps,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<Asked> {
  if ((announcedBytes(incoming) ?? 0) > MAX_FORM_BYTES) throw imageTooLarge()
  const limit = { maxBytes: MAX_FORM_BYTES, tooLarge: imageTooLarge }
  const form = new FormReader(incoming, deps.clock, limit)
  const image = await form.takeAny(outgoing, async (file) => file && (await readImage(file)))
  const text = (name: string) => form.texts.get(name) || undefined
  const share = (name: string) => readNumber(name, text(name))
  const placement = {
    name: form.texts.get('name'),
    opacity: share('opacity'),
    padding: share('padding'),
    scale: share('scale'),
    position: text('position'),
  }
  return { placement, image, url: text('url') }
}

function readNumber(field: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(text)) return Number(text)
  throw new HeadwaterError('bad_request', `${field} must be a number from 0.0 to 1.0.`, { facts: { field } })
}

async function readImage({ body }: FormFile): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for (let batch = await body.next(); batch !== undefined; batch = await body.next()) {
    // The batch's memory is used again.
    const copy = Buffer.concat(batch)
    body.release(batch)
    parts.push(copy)
    length += copy.byteLength
    if (length > MAX_IMAGE_BYTES) throw imageTooLarge()
  }
  if (body.state === 'complete') return Buffer.concat(parts, length)
  throw new HeadwaterError('bad_request', 'The form ended before its file did; send it again.')
}

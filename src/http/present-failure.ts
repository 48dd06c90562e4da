/**
 * `status.failure` of a video in `error`: what the vendor's two fields cannot say. An additional field of ours (spec §3.1
 * is unchanged beside it), the same in the API, in webhook calls and in the dashboard; audio tracks and captions have it too.
 */

import { z } from 'zod'
import { adviceFor } from '../core/faults/index.ts'
import type { Video } from '../core/videos/index.ts'

export const failureSchema = z.object({
  code: z.string().describe('Ours; docs/errors.md lists them'),
  stage: z
    .string()
    .describe(
      'upload, download, sniff, index, plan, decode, encode, package, clip or speech: how far it came',
    ),
  found: z.string().describe('What was found'),
  advice: z.string().describe('What to do'),
  position: z
    .object({
      byte: z.int().optional().describe('In the file as it was sent'),
      seconds: z.number().optional().describe('In the video'),
    })
    .optional()
    .describe('Where, as far as it is known'),
  decoder: z.array(z.string()).optional().describe('Last lines that the decoder said, if it was asked'),
})

export type PresentedFailure = z.output<typeof failureSchema>

/** What went wrong, from the stored facts; those of an older version may lack some. */
export function presentFailure(
  error: Pick<NonNullable<Video['error']>, 'reasonText' | 'detail'>,
): PresentedFailure {
  const { detail } = error
  const code = textOr(detail['code'], 'internal')
  const position = presentPosition(detail['position'])
  const said = detail['decoder']
  return {
    code,
    stage: textOr(detail['stage'], 'plan'),
    found: textOr(detail['detail'], error.reasonText),
    advice: adviceFor(code),
    ...(position === undefined ? {} : { position }),
    ...(Array.isArray(said) ? { decoder: said.map(String) } : {}),
  }
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}

function presentPosition(value: unknown): PresentedFailure['position'] {
  if (typeof value === 'number') return { byte: value }
  if (typeof value !== 'object' || value === null) return undefined
  const { byte, seconds } = value as { byte?: unknown; seconds?: unknown }
  return {
    ...(typeof byte === 'number' ? { byte } : {}),
    ...(typeof seconds === 'number' ? { seconds } : {}),
  }
}

/** Our own calls for a scrub of everything that is stored, which is the operator's: `headwater scrub` uses them. */

import { z } from 'zod'
import type { ScrubKeeper, ScrubReport } from '../../core/scrub/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { formatTimestamp } from '../../lib/timestamp.ts'
import { answerResult, type Endpoint, endpoint } from '../endpoint.ts'
import { queryInteger } from './query-fields.ts'

export type ScrubEndpointDeps = { readonly scrubs: ScrubKeeper }

const amount = z.object({ checked: z.int(), total: z.int() })

const findingSchema = z.object({
  file: z.string().describe("Below the data folder's store"),
  kind: z.string(),
  video: z.string().nullable(),
  problem: z.enum(['missing', 'length', 'content', 'unreadable', 'unrecorded']),
  found: z.string(),
  outcome: z.enum(['repairable', 'repaired', 'lost', 'stray', 'removed']),
  means: z.string().describe('What it means, and what was done or is to be done'),
})

const reportSchema = z.object({
  state: z.enum(['running', 'done', 'stopped', 'failed']),
  repair: z.boolean(),
  started: z.iso.datetime(),
  ended: z.iso.datetime().nullable(),
  files: amount,
  bytes: amount,
  damaged: z.int(),
  repaired: z.int(),
  lost: z.int(),
  strays: z.int(),
  strayBytes: z.int(),
  findings: z.array(findingSchema),
  error: z.string().nullable(),
})

/** A report as it is told; also what `headwater scrub --json` prints. */
export type PresentedScrub = z.output<typeof reportSchema>

/** The endpoints. */
export function scrubEndpoints({ scrubs }: ScrubEndpointDeps): Endpoint[] {
  const shared = {
    path: '/headwater/scrub',
    tag: 'Scrub',
    access: 'operator',
    resultSchema: reportSchema,
  } as const
  return [
    endpoint({
      ...shared,
      method: 'GET',
      summary: 'How far the scrub is that runs, or what the last one found; for the operator',
      querySchema: z.object({
        after: queryInteger(0, 1_000_000, 'is out of range')
          .optional()
          .describe('Leaves out so many findings, which are known'),
      }),
      handle: async ({ query }) => answerResult(presentScrub(requireReport(scrubs), query.after)),
    }),
    endpoint({
      ...shared,
      method: 'POST',
      summary: 'Reads everything that is stored and holds it against its record; for the operator',
      bodySchema: z.object({
        repair: z.boolean().default(false).describe('Make again what can be; otherwise it only tells'),
        megabytesPerSecond: z
          .number()
          .min(0.1, 'must be at least 0.1')
          .max(100_000, 'may be at most 100000')
          .optional()
          .describe('Read at most so much; default 50'),
      }),
      handle: async ({ body: { repair, megabytesPerSecond } }) =>
        answerResult(
          presentScrub(
            scrubs.start({
              repair,
              ...(megabytesPerSecond !== undefined && { bytesPerSecond: megabytesPerSecond * 1e6 }),
            }),
          ),
        ),
    }),
    endpoint({
      ...shared,
      method: 'DELETE',
      summary: 'Stops the scrub that runs; what it has found and repaired stays; for the operator',
      handle: async () => {
        await scrubs.stop()
        return answerResult(presentScrub(requireReport(scrubs)))
      },
    }),
  ]
}

/** A report as the API tells it, without its first `after` findings. */
export function presentScrub(report: ScrubReport, after = 0): PresentedScrub {
  const { startedUs, endedUs, findings, ...facts } = report
  return {
    ...facts,
    started: formatTimestamp(startedUs),
    ended: endedUs === null ? null : formatTimestamp(endedUs),
    findings: findings.slice(after),
  }
}

function requireReport(scrubs: ScrubKeeper): ScrubReport {
  const report = scrubs.report()
  if (report !== undefined) return report
  throw new HeadwaterError('not_found', 'Nothing has been scrubbed since this server was started.')
}

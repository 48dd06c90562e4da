/** Query parameters as zod reads them: every value is text; an absent one is absent. Spec §1.2. */

import { z } from 'zod'
import { timeField } from './video-fields.ts'

/** `true`, `1`, `false` or `0`. */
export const queryBoolean = z
  .enum(['true', '1', 'false', '0'], { error: 'must be true or false' })
  .transform((text) => text === 'true' || text === '1')

/** A comma-separated list; empty entries are dropped. */
export const queryList = z.string().transform((text) =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== ''),
)

/** A whole number from `min` to `max`; `tooLarge` words the refusal above. */
export function queryInteger(min: number, max: number, tooLarge: string) {
  return z
    .string()
    .regex(/^\d{1,15}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `must be a whole number from ${min} to ${max}`).max(max, tooLarge))
}

/** A time; a `+` that was not percent-encoded arrives as a blank. */
export const queryTime = z
  .string()
  .transform((text) => text.replace(/ (?=\d\d:\d\d$)/, '+'))
  .pipe(timeField)
  .describe('RFC 3339')

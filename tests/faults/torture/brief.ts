/** What the driver tells a program with faults, on its command line. */

import type { InnerFaults } from './faults.ts'
import type { ClockTurn } from './faulty-clock.ts'

/** Faults of this life, and how its clock has been moved in those before. */
export type Brief = { readonly faults: InnerFaults; readonly clock: readonly ClockTurn[] }

/** As one argument. */
export function writeBrief(brief: Brief): string {
  return JSON.stringify(brief)
}

/** Reads `writeBrief`'s. */
export function readBrief(text: string): Brief {
  return JSON.parse(text) as Brief
}

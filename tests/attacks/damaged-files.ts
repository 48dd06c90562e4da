/** Nothing, zeros, and the beginning of every container. */

import { type Attack, type ExpectedEnd, latin1 } from './attack.ts'
import type { AttackSources } from './sources.ts'

/** Half of these still plays: their pictures come with all that is needed, and nothing says how many there are. */
const PLAYS_IN_HALF = /\.(?:mkv|ts|m2ts|mpg|m2v|flv|mxf|asf|avi)$|vp9/
/** What is left of these is a picture or none. */
const TOO_SHORT_IN_HALF = /\.gxf$/

/** All of them. */
export function damagedFiles(sources: AttackSources): readonly Attack[] {
  return [
    { name: 'a file without a byte', bytes: new Uint8Array(0), ends: 'ERR_NON_VIDEO' },
    { name: 'a file of one byte', bytes: new Uint8Array(1), ends: 'ERR_NON_VIDEO' },
    { name: 'a file of zeros', bytes: new Uint8Array(300_000), ends: 'ERR_NON_VIDEO' },
    {
      name: 'a text renamed to .mp4',
      bytes: latin1('This is not a video.\n'.repeat(20_000)),
      ends: 'ERR_NON_VIDEO',
    },
    ...sources.names.flatMap((name): Attack[] => {
      const whole = sources.get(name)
      return [
        {
          name: `half of ${name}`,
          bytes: whole.subarray(0, whole.length >> 1),
          ends: endOfHalf(name),
        },
      ]
    }),
  ]
}

function endOfHalf(name: string): ExpectedEnd {
  if (TOO_SHORT_IN_HALF.test(name)) return 'ERR_DURATION_TOO_SHORT'
  return PLAYS_IN_HALF.test(name) ? 'ready' : 'ERR_MALFORMED_VIDEO'
}

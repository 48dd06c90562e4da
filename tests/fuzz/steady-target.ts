/** The fuzz target of the clocks of publishers: whatever times come, those that are passed on are steady. */

import { SteadyTimes } from '../../src/media/live/steady-times.ts'
import { LIVE_TIMESCALE } from '../../src/media/live/units.ts'
import type { FuzzTarget } from './fuzz.ts'

/** One unit: flags (1 sound, 2 no sync picture, 4 after a reconnection), decode time in 48 bits, showing time behind it in 16. */
const UNIT_BYTES = 9
/** A hole that is kept, and what a unit may last. */
const MOST_AHEAD = 4 * LIVE_TIMESCALE
const MOST_REORDER = 10 * LIVE_TIMESCALE

/** Two seconds of picture and sound from `start` on, of a publisher who comes back in the middle. */
function publisher(start: number): Uint8Array {
  const units = Array.from({ length: 50 }, (_, at) => {
    const unit = Buffer.alloc(2 * UNIT_BYTES)
    unit[0] = (at % 25 === 0 ? 0 : 2) | (at === 25 ? 4 : 0)
    unit.writeUIntBE((start + at * 3600) % 2 ** 48, 1, 6)
    unit.writeUInt16BE(7200, 7)
    unit[UNIT_BYTES] = 1
    unit.writeUIntBE((start + at * 3600 + 500) % 2 ** 48, UNIT_BYTES + 1, 6)
    return unit
  })
  return new Uint8Array(Buffer.concat(units))
}

/** The target. */
export const steadyTarget: FuzzTarget = {
  name: 'steady-times',
  seeds: async () => [
    publisher(0),
    publisher(2 ** 33 - 9000),
    publisher(2 ** 32 * 90 - 9000),
    publisher(2 ** 47),
  ],
  run: async (bytes) => {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const times = new SteadyTimes()
    const last = { video: -1, audio: -1 }
    for (let at = 0; at + UNIT_BYTES <= view.byteLength; at += UNIT_BYTES) {
      const flags = view[at] ?? 0
      if ((flags & 4) !== 0) times.reconnect()
      const dts = view.readUIntBE(at + 1, 6)
      const end = times.endTicks
      const kind = (flags & 1) === 0 ? 'video' : 'audio'
      const unit = {
        kind,
        dts,
        pts: dts + view.readUInt16BE(at + 7),
        isSync: (flags & 2) === 0,
        data: bytes,
      } as const
      let ahead = end + MOST_AHEAD
      for (const { kind: of, dts: time, pts } of times.take(unit)) {
        if (!Number.isSafeInteger(time) || time <= last[of])
          throw new Error(`${of} goes from ${last[of]} to ${time}`)
        if (time > ahead) throw new Error(`From ${end} it jumps to ${time}.`)
        if (pts < time || pts - time > MOST_REORDER) throw new Error(`Decoded at ${time}, shown at ${pts}.`)
        last[of] = time
        ahead = Math.max(ahead, time + MOST_AHEAD)
      }
    }
  },
}

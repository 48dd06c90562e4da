import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { LivePackage } from './live-package.ts'

const SECOND = 90_000
const MEMORY_BYTES = 2_000_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What this process holds after a collection, but for the bytes of buffers, which are counted below. */
function heldNow(): number {
  collect()
  return process.memoryUsage().heapUsed
}

/** H.264 of 160 × 120 in the Baseline profile, by its parameter sets. */
const AVC = Uint8Array.from(
  Buffer.from('0142c00affe1000f6742c00adaa0a0fcb80880000003008001000468ce3c80', 'hex'),
)

test('eight hours take no more memory than the first, but for a table of some bytes a part', () => {
  let position = 0
  const pack = new LivePackage({
    id: 'b',
    clock: { nowUs: () => 1_790_000_000_000_000 },
    memoryBytes: MEMORY_BYTES,
    onFragment: ({ bytes, recorded }) => {
      recorded(position)
      position += bytes.byteLength
    },
  })
  pack.format({ kind: 'video', codec: 'avc', config: AVC, width: 160, height: 120 })
  const picture = new Uint8Array(4_000)
  /** A picture a second, which is a part by itself, in groups of two. */
  const run = (fromSeconds: number, toSeconds: number) => {
    for (let at = fromSeconds; at < toSeconds; at += 1) {
      const dts = at * SECOND
      pack.unit({ kind: 'video', dts, pts: dts, isSync: at % 2 === 0, data: picture })
    }
  }
  const hour = 3_600
  run(0, hour)
  const first = heldNow()
  run(hour, 8 * hour)
  const tables = pack.renditions.reduce((sum, { tableBytes }) => sum + tableBytes, 0)
  const held = pack.renditions.reduce((sum, { heldBytes }) => sum + heldBytes, 0)
  expect(pack.cuts.length).toBe(4 * hour)
  expect(held).toBeLessThanOrEqual(MEMORY_BYTES)
  expect(tables).toBeLessThan(1_500_000)
  expect(heldNow() - first).toBeLessThan(2_000_000)
  expect(pack.find('bv')?.ranges(5)).toHaveLength(2)
})

/** The fuzz targets of how broadcasts are asked for, and of recordings that a restart finds. */

import {
  fitClip,
  formatClip,
  LivePackage,
  parseClip,
  parseClipOfRendition,
  parsePreview,
  parseReload,
} from '../../src/core/live-packaging/index.ts'
import { readRecording } from '../../src/media/live/read-recording.ts'
import { bytesSource } from '../media-samples.ts'
import type { FuzzTarget } from './fuzz.ts'
import { textTarget } from './text-targets.ts'

/** What the query of a playlist or a clip says. */
export const liveQueryTargets: readonly FuzzTarget[] = [
  textTarget(
    'blocking-reload',
    {
      seeds: ['_HLS_msn=12&_HLS_part=3', '_HLS_msn=0', '_HLS_skip=YES&_HLS_msn=7', '_HLS_skip=v2'],
      words: [
        '_HLS_msn=',
        '_HLS_part=',
        '_HLS_skip=',
        '&',
        '=',
        '-1',
        '%30',
        '9'.repeat(16),
        'YES',
        '1e9',
        '0x1',
      ],
    },
    (text) => {
      const { segment, part } = parseReload(new URLSearchParams(text))
      for (const number of [segment, part]) {
        if (number !== null && !(Number.isSafeInteger(number) && number >= 0)) throw new Error(`${number}`)
      }
      if (part !== null && segment === null) throw new Error('A part of no segment.')
    },
  ),
  textTarget(
    'instant-clip',
    {
      seeds: ['time=600s&duration=30s', 'duration=5m', 'time=1.5m&duration=60s', 'time=0s&duration=0.5s'],
      words: ['time=', 'duration=', 's', 'm', '&', '.', '-', '0', '61s', '6m', '1e3s', 'NaN', '9'.repeat(20)],
    },
    (text) => {
      const query = new URLSearchParams(text)
      const preview = parsePreview(query)
      if (preview !== null && !(preview > 0 && preview <= 300)) throw new Error(`A preview of ${preview} s.`)
      const found = parseClipOfRendition(query)
      if (found === null) return
      const again = parseClipOfRendition(new URLSearchParams(formatClip(found)))
      if (again?.startSeconds !== found.startSeconds) throw new Error('Written, it reads differently.')
      const clip = fitClip(parseClip(query), 3_600)
      if (!(clip.durationSeconds > 0 && clip.durationSeconds <= 60)) throw new Error('Too long.')
      if (clip.startSeconds + clip.durationSeconds > 3_600) throw new Error('Beyond the end.')
    },
  ),
]

/** Damaged recordings: what is found in them lies in them, and a broadcast can go on from it. */
export function recordingTarget(avcConfig: Uint8Array): FuzzTarget {
  const clock = { nowUs: () => 1_790_000_000_000_000 }
  return {
    name: 'read-recording',
    seeds: async () => {
      const bytes: Uint8Array[] = []
      const pack = new LivePackage({ id: 'b', clock, onFragment: (fragment) => bytes.push(fragment.bytes) })
      pack.format({ kind: 'video', codec: 'avc', config: avcConfig, width: 160, height: 120 })
      pack.format({
        kind: 'audio',
        codec: 'aac',
        config: Uint8Array.of(0x11, 0x90),
        sampleRate: 48_000,
        channels: 2,
      })
      for (let frame = 0; frame < 90; frame += 1) {
        const dts = frame * 3_600
        pack.unit({ kind: 'video', dts, pts: dts, isSync: frame % 25 === 0, data: new Uint8Array(20) })
        for (const sound of [0, 1]) {
          const pts = dts + sound * 1_920
          pack.unit({ kind: 'audio', dts: pts, pts, isSync: true, data: new Uint8Array(6) })
        }
      }
      pack.end()
      return [Buffer.concat([pack.recordingHeader(), ...bytes])]
    },
    run: async (bytes) => {
      const found = await readRecording(bytesSource(bytes))
      if (found.endBytes > bytes.byteLength) throw new Error('It ends beyond its end.')
      for (const { position, length } of found.fragments) {
        if (position + length > bytes.byteLength) throw new Error('A fragment lies beyond the end.')
      }
      const pack = LivePackage.resume({ id: 'b', clock }, found, 0)
      for (const { completeSegment } of pack.renditions) {
        if (completeSegment > pack.cuts.length) throw new Error('A segment that nobody has cut.')
      }
    },
  }
}

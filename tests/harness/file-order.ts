/**
 * In which order the files of a group run. Vitest would take one project after the other, so that for minutes all that run
 * beside each other decode and encode, and for others all of them wait. Here each project goes on at its own pace, all end
 * together, and none ends with its longest file while the processors have nothing else to do.
 */

import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const ROOT = new URL('../..', import.meta.url).pathname

/** Seconds of the long files on two busy processors, about; a wrong one costs seconds, not truth. */
export const LONG_FILES: Readonly<Record<string, number>> = {
  'tests/media/packaging.test.ts': 183,
  'tests/browser/pages.test.ts': 102,
  'tests/browser/uppy.test.ts': 98,
  'tests/browser/dashboard.test.ts': 95,
  'tests/media/sources.test.ts': 86,
  'tests/browser/live-watch.test.ts': 80,
  'tests/browser/clip-players.test.ts': 72,
  'tests/browser/webrtc.test.ts': 75,
  'tests/faults/crash.test.ts': 72,
  'tests/browser/players.test.ts': 66,
  'tests/browser/protection.test.ts': 65,
  'tests/media/round-trip.test.ts': 63,
  'tests/attacks/attacks.test.ts': 61,
  'tests/browser/live-player.test.ts': 54,
  'tests/browser/script-api.test.ts': 52,
  'tests/live/matrix.test.ts': 60,
  'tests/attacks/damaged.test.ts': 48,
  'tests/media/clips.test.ts': 30,
  'tests/media/clip-life.test.ts': 16,
  'tests/faults/process.test.ts': 46,
  'tests/media/watermarks.test.ts': 46,
  'tests/media/encode.test.ts': 46,
  'tests/faults/copy.test.ts': 44,
  'tests/browser/audio-tracks.test.ts': 43,
  'tests/browser/captions.test.ts': 42,
  'tests/suites/videos.test.ts': 41,
  'tests/media/playback.test.ts': 36,
  'tests/faults/database-refuses.test.ts': 35,
  'tests/faults/webhooks.test.ts': 35,
  'tests/faults/disk-full.test.ts': 35,
  'tests/faults/scrub.test.ts': 33,
  'tests/contract/tus-misuse.test.ts': 31,
  'tests/contract/early-playback.test.ts': 31,
  'tests/contract/upload-limits.test.ts': 31,
  'tests/live/srt.test.ts': 45,
  'tests/live/live-tokens.test.ts': 30,
  'tests/browser/live-inputs.test.ts': 29,
  'tests/browser/webrtc-program.test.ts': 28,
  'tests/contract/tus-program.test.ts': 27,
  'tests/media/downloads.test.ts': 27,
  'tests/browser/early.test.ts': 26,
  'tests/media/broken-files.test.ts': 26,
  'tests/media/tracks-inside.test.ts': 25,
  'tests/suites/database.test.ts': 22,
  'tests/faults/made-files.test.ts': 22,
  'tests/media/scrub.test.ts': 22,
  'tests/contract/tus-locks.test.ts': 20,
  'tests/browser/live-players.test.ts': 20,
  'tests/suites/live-inputs.test.ts': 19,
  'tests/contract/clip.test.ts': 19,
  'tests/contract/speech.test.ts': 18,
}

/** What a file that is not listed takes, seconds. */
const USUAL = 5

/** As vitest asks for it. */
export class EvenOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const groupOf = ({ project }: TestSpecification) => project.config.sequence.groupOrder
    const sorted = sortEvenly(files, {
      project: ({ project }) => project.name,
      seconds: ({ moduleId }) => LONG_FILES[relative(ROOT, moduleId)] ?? USUAL,
    })
    return sorted.toSorted((a, b) => groupOf(a) - groupOf(b))
  }
}

/** Within a project the longest first; between them by how much of its project's time lies before a file. */
export function sortEvenly<File>(
  files: readonly File[],
  of: { readonly project: (file: File) => string; readonly seconds: (file: File) => number },
): File[] {
  const places = new Map<File, number>()
  for (const mates of Map.groupBy(files, of.project).values()) {
    const whole = mates.reduce((sum, file) => sum + of.seconds(file), 0)
    let before = 0
    for (const file of mates.toSorted((a, b) => of.seconds(b) - of.seconds(a))) {
      places.set(file, before / whole)
      before += of.seconds(file)
    }
  }
  return files.toSorted((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0))
}

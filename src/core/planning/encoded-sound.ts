/** A rendition of sound that is encoded: on the frame grid of its own, cut beside the cuts of the picture. Pure. */

import type { AudioRendition, Plan } from './plan.ts'
import { planSoundCuts, soundFrameCount, type SoundGrid } from './plan-cuts.ts'

/** Frames of AAC at 48 kHz, the first of which begins with the picture (spec/media.md §1). */
export const SOUND_GRID: SoundGrid = { sampleRate: 48_000, frameSamples: 1024, editStartSamples: 0 }
const STEREO_BPS = 128_000
const MONO_BPS = 96_000

/** Plans one for a picture that is cut at `cuts`; it lasts as long as the picture does (rule 10). */
export function planEncodedSound(
  { cuts, timescale }: Pick<Plan, 'cuts' | 'timescale'>,
  { id, channels }: { readonly id: string; readonly channels: 1 | 2 },
): AudioRendition {
  const frameCount = soundFrameCount(cuts.at(-1) ?? 0, timescale, SOUND_GRID)
  return {
    id,
    made: 'encoded',
    ...SOUND_GRID,
    channels,
    codec: 'mp4a.40.2',
    bitrateBps: channels === 1 ? MONO_BPS : STEREO_BPS,
    frameCount,
    cuts: planSoundCuts(cuts, timescale, SOUND_GRID, frameCount),
    silenceBefore: 0,
    dropped: 0,
    silenceAfter: 0,
  }
}

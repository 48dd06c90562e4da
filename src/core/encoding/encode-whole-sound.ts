/**
 * Sound that is encoded in one run, from the first frame to the last, and published as one chunk: for files whose own
 * idea of where a time lies cannot be trusted (MP3 without an index), and which are little work anyway.
 */

import { assert } from '../../lib/failure.ts'
import type { SegmentParts } from '../../media/cmaf/cut-segment.ts'
import type { Decoder, DecoderInput } from '../../ports.ts'
import { type AudioRendition, planChunks } from '../planning/index.ts'
import type { FinishedChunk } from './chunk-records.ts'
import { soundLimits } from './encode-chunk.ts'
import { packSound, readFrames } from './pack-chunk.ts'
import { type PublishDeps, publishSegments } from './publish-chunk.ts'
import { buildSoundArgs, framesToDrop, SOUND_OUTPUT, type SoundInput } from './sound-args.ts'

export type WholeSoundDeps = PublishDeps & { readonly decoder: Decoder }

/** Where the sound is. */
export type WholeSound = SoundInput & {
  readonly input: DecoderInput
  /** Where the rendition's frame 0 begins in the decoder's time, microseconds. */
  readonly originUs: number
}

/** Others go first: nobody watches this yet. */
const NICE = 10

/** Encodes and publishes all segments of `rendition`; the caller records them. Throws what decoding throws. */
export async function encodeWholeSound(
  deps: WholeSoundDeps,
  uid: string,
  { rendition, sound }: { readonly rendition: AudioRendition; readonly sound: WholeSound },
  signal: AbortSignal,
): Promise<FinishedChunk> {
  const { frameCount, frameSamples, sampleRate } = rendition
  const run = await deps.decoder.run(
    {
      label: `added sound ${rendition.id} of ${uid}`,
      input: sound.input,
      args: buildSoundArgs({
        input: sound,
        rendition,
        firstFrame: 0,
        endFrame: frameCount,
        originUs: sound.originUs,
      }),
      outputs: [SOUND_OUTPUT],
      limits: soundLimits(rendition, (frameCount * frameSamples) / sampleRate),
      nice: NICE,
    },
    { signal },
  )
  try {
    const file = run.files.get(SOUND_OUTPUT)
    assert(file !== undefined, 'The run has no sound.')
    const frames = await readFrames(file)
    const segments: SegmentParts[] = []
    let header: Pick<ReturnType<typeof packSound>, 'init' | 'codec'> | undefined
    for (const range of planChunks(
      rendition.cuts.map((frame) => frame * frameSamples),
      sampleRate,
      'audio',
    )) {
      // Hours of it are packed a few minutes at a time, and requests are answered in between.
      await deps.clock.sleep(0, signal)
      const drop = framesToDrop(0) + (rendition.cuts[range.firstSegment] ?? 0)
      const packed = packSound(frames, { rendition, ...range, framesToDrop: drop })
      segments.push(...packed.segments)
      header ??= packed
    }
    assert(header !== undefined, 'A rendition has at least one segment.')
    signal.throwIfAborted()
    return await publishSegments(deps, uid, {
      rendition: rendition.id,
      firstSegment: 0,
      segments,
      header,
      file,
    })
  } finally {
    await run.release()
  }
}

/** From facts and verdicts to the plan: which renditions there will be, and how they are cut. Pure but for new ids. */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import { scaleTicks } from '../../lib/ticks.ts'
import { findRate, gridTicks, gridTimescale } from './frame-rate.ts'
import { planChunks, planRendition, REORDER_PICTURES } from './encode-plan.ts'
import { planEncodedSound, SOUND_GRID } from './encoded-sound.ts'
import { planLadder, type Rung } from './ladder.ts'
import type { AudioRendition, Cuts, FrameTimes, Mark, Plan, SourcePicture, VideoRendition } from './plan.ts'
import { planCutsOnGrid, planSoundCuts, soundFrameCount } from './plan-cuts.ts'
import { refuseCrowdedPictures } from './picture-budget.ts'
import { judgePicture, type PassthroughPicture, type PictureVerdict } from './judge-picture.ts'
import { judgeSound, type SoundVerdict } from './judge-sound.ts'
import type { SourceFacts } from './source-facts.ts'

export type PlanSettings = {
  /** `DecoderBuild.id`. */
  readonly decoder: string
  readonly quality: 'standard' | 'high'
  /** Encode every rung even beside a passthrough of its size; for benchmarks. */
  readonly forceLadder: boolean
}

export type PlanOptions = PlanSettings & {
  /** Of the video; names what is passed through: a source that is watched while it arrives keeps its addresses. */
  readonly uid: string
  /** A new id, safe in addresses, that no other rendition has. */
  readonly newId: (name: string) => string
  /** To be burnt in; null = none. */
  readonly mark: Mark | null
}

/** The plan, and in words why something was not passed through. */
export type PlanDecision = { readonly plan: Plan; readonly notes: readonly string[] }

/**
 * A passthrough stays as the top rung up to this many times the average, or the peak, that our own rung would have; a
 * heavier one leaves when the ladder is there.
 */
const KEPT_AVERAGE = 1.5
const KEPT_PEAK = 2
/** What is encoded first, alone, where nothing is passed through. */
const LOW_SHORT_SIDE = 360

/** Longer side to shorter: what is more is a line, and cannot be scaled into a rung. */
const MOST_SLANT = 64

/** Throws `picture_size_invalid` for pictures without a second dimension. */
function refuseLine({ codedWidth, codedHeight }: SourcePicture): void {
  const [short, long] = [Math.min(codedWidth, codedHeight), Math.max(codedWidth, codedHeight)]
  if (short > 0 && long <= short * MOST_SLANT) return
  const sentence = `The pictures have ${codedWidth} × ${codedHeight} pixels, which no film has.`
  throw new HeadwaterError('picture_size_invalid', sentence)
}

/** Plans a source that has been looked at. Throws `too_many_pictures` and `picture_size_invalid`. */
export function makePlan(facts: SourceFacts, options: PlanOptions): PlanDecision {
  refuseCrowdedPictures(facts.times)
  refuseLine(facts.picture)
  const picture = judge(facts, options.mark)
  const body = picture.passthrough ? planPassthrough(facts, picture, options) : planGrid(facts, options)
  const sound = planSound(facts, body, options)
  const notes = [...facts.notes]
  if (!picture.passthrough) notes.push(`The picture is encoded because ${picture.because}.`)
  if (sound.because !== undefined) notes.push(`The sound is encoded because ${sound.because}.`)
  const plan: Plan = {
    format: 1,
    decoder: options.decoder,
    demuxer: facts.media.demuxer,
    timescale: body.timescale,
    cuts: body.cuts,
    frames: body.frames,
    picture: facts.picture,
    ...(options.mark === null ? {} : { mark: options.mark }),
    sound: facts.sound,
    originUs: facts.times.originUs,
    quality: options.quality,
    video: body.video,
    audio: sound.audio,
    videoChunks: planChunks(body.cuts, body.timescale, 'video'),
    audioChunks:
      sound.audio?.made === 'encoded'
        ? planChunks(
            sound.audio.cuts.map((frame) => frame * SOUND_GRID.frameSamples),
            SOUND_GRID.sampleRate,
            'audio',
          )
        : [],
  }
  return { plan, notes }
}

function judge(facts: SourceFacts, mark: Mark | null): PictureVerdict {
  if (mark !== null) return { passthrough: false, because: 'a watermark is burnt into it' }
  const track = facts.movie?.tracks[facts.picture.track]
  if (track === undefined)
    return { passthrough: false, because: `a file of this kind (${facts.container}) has no index` }
  try {
    return judgePicture(track, facts.picture, facts.times)
  } catch (error) {
    if (isFailure(error) && error.kind === 'media') return { passthrough: false, because: error.message }
    throw error
  }
}

type PictureBody = Pick<Plan, 'timescale' | 'cuts' | 'frames' | 'video'>

function planPassthrough(facts: SourceFacts, picture: PassthroughPicture, options: PlanOptions): PictureBody {
  const { displayWidth: width, displayHeight: height } = facts.picture
  const rungs = planLadder({ width, height, rate: picture.averageRate })
  const top = rungs.at(-1)
  const kept =
    !options.forceLadder &&
    (top === undefined ||
      (picture.averageBps <= top.targetBps * KEPT_AVERAGE && picture.peakBps <= top.maxBps * KEPT_PEAK))
  const encoded = kept ? rungs.slice(0, -1) : rungs
  const name = `${Math.min(width, height)}p`
  const passthrough: VideoRendition = {
    id: passthroughId(name, options),
    made: 'passthrough',
    width,
    height,
    name,
    bitrateBps: picture.averageBps,
    peakBps: picture.peakBps,
    editStartTicks: picture.editStartTicks,
    codec: picture.codec,
    kept,
  }
  const editStartTicks = picture.rungEditStartTicks
  return {
    timescale: facts.times.timescale,
    cuts: picture.cuts,
    frames: { kind: 'source', frameCount: picture.frameCount, averageRate: picture.averageRate },
    video: [
      ...encoded.map((rung) =>
        planRendition(rung, { id: options.newId(rung.name), made: 'ladder', editStartTicks }),
      ),
      passthrough,
    ],
  }
}

/** Without passthrough: a constant rate, cut exactly every four seconds, and one low rung first. */
function planGrid(facts: SourceFacts, options: PlanOptions): PictureBody {
  const { sorted, endTicks, timescale: sourceTimescale } = facts.times
  const { grid: rate } = findRate(sorted, endTicks, sourceTimescale)
  const timescale = gridTimescale(rate)
  const frameCount = Math.max(1, scaleTicks(endTicks, rate.num, rate.den * sourceTimescale))
  const cuts: Cuts = planCutsOnGrid(frameCount, rate, timescale)
  const frames: FrameTimes = { kind: 'grid', frameCount, rate }
  const { displayWidth: width, displayHeight: height } = facts.picture
  const rungs = planLadder({ width, height, rate })
  const low = lowRung(rungs)
  const editStartTicks = gridTicks(REORDER_PICTURES, rate, timescale)
  const video = rungs.map((rung) =>
    planRendition(rung, {
      id: options.newId(rung.name),
      made: rung === low ? 'low' : 'ladder',
      editStartTicks,
    }),
  )
  return { timescale, cuts, frames, video }
}

/** The rung that is made first where nothing is passed through. */
export function lowRung(rungs: readonly Rung[]): Rung | undefined {
  return rungs.find(({ width, height }) => Math.min(width, height) >= LOW_SHORT_SIDE) ?? rungs[0]
}

function planSound(
  facts: SourceFacts,
  body: PictureBody,
  options: PlanOptions,
): { audio: AudioRendition | null; because?: string } {
  if (facts.sound === null) return { audio: null }
  const verdict = judgeIndexedSound(facts, body)
  if (!verdict.passthrough) {
    const audio = planEncodedSound(body, {
      id: options.newId('audio'),
      channels: facts.sound.channels === 1 ? 1 : 2,
    })
    return { audio, because: verdict.because }
  }
  const { passthrough: _, sourceFrames, ...sound } = verdict
  const frameCount = soundFrameCount(body.cuts.at(-1) ?? 0, body.timescale, sound)
  return {
    audio: {
      ...sound,
      id: passthroughId('audio', options),
      made: 'passthrough',
      frameCount,
      cuts: planSoundCuts(body.cuts, body.timescale, sound, frameCount),
      // Players stop where one track ends before the other: silence to the end of the picture.
      silenceAfter: Math.max(0, frameCount - sound.silenceBefore - sourceFrames),
    },
  }
}

function passthroughId(name: string, { uid }: PlanOptions): string {
  return `${name}-${uid.slice(0, 12)}`
}

function judgeIndexedSound(facts: SourceFacts, body: PictureBody): SoundVerdict {
  const track = facts.sound === null ? undefined : facts.movie?.tracks[facts.sound.track]
  if (track === undefined)
    return { passthrough: false, because: `a file of this kind (${facts.container}) has no index` }
  // Its segments are cut together with passed-through pictures only.
  if (body.frames.kind === 'grid') return { passthrough: false, because: 'the picture is encoded as well' }
  try {
    return judgeSound(track, facts.sound?.codec ?? 'unknown')
  } catch (error) {
    if (isFailure(error) && error.kind === 'media') return { passthrough: false, because: error.message }
    throw error
  }
}

/**
 * A broadcast as it is played: access units in; parts and segments, their tables and their bytes out. It owns memory only:
 * the table of all segments (some bytes for each) and the bytes of the last ones, as far as they fit.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import { scaleTicks } from '../../lib/ticks.ts'
import { type LiveFragment, PICTURE_TRACK_ID, SOUND_TRACK_ID } from '../../media/live/fragment.ts'
import { PictureTrack } from '../../media/live/picture-track.ts'
import { isSameFormat } from '../../media/live/same-format.ts'
import { SoundTrack } from '../../media/live/sound-track.ts'
import { codecOf, parameterSetsOf, soundGrid, writeLiveInit } from '../../media/live/track-init.ts'
import {
  type AccessUnit,
  LIVE_TIMESCALE,
  type LiveFormat,
  type SoundFormat,
  type VideoFormat,
} from '../../media/live/units.ts'
import type { FoundRecording } from '../../media/live/read-recording.ts'
import type { Clock } from '../../ports.ts'
import { CutList } from './cut-list.ts'
import { releaseHeld } from './release-held.ts'
import { Rendition } from './rendition.ts'
import { restoreTables } from './restore-tables.ts'
import { createRung, type RungInput } from './rung-input.ts'

/** A fragment as the recorder gets it: what it appends to the recording, in the order it gets it. */
export type RecordedFragment = LiveFragment & {
  readonly rendition: string
  readonly segment: number
  /** To be called once the bytes lie in the recording, at `position` in it; in the order of the fragments. */
  readonly recorded: (position: number) => void
}

export type LivePackageOptions = {
  /** Unique to the broadcast, and short: its renditions are named after it. Letters and digits. */
  readonly id: string
  readonly clock: Pick<Clock, 'nowUs'>
  /** Called for each fragment of what was published (not of lower rungs), at once. */
  readonly onFragment?: (fragment: RecordedFragment) => void
  /** How many bytes of segments may be in memory. */
  readonly memoryBytes?: number
}

export class LivePackage {
  readonly id: string
  readonly cuts = new CutList()
  readonly #options: LivePackageOptions
  readonly #renditions: Rendition[] = []
  readonly #listeners = new Set<() => void>()
  #video: VideoFormat | null = null
  #audio: SoundFormat | null = null
  #picture: PictureTrack | null = null
  #sound: SoundTrack | null = null
  #header: Uint8Array | null = null
  /** Units that came before it was clear which tracks there are. */
  #early: AccessUnit[] = []
  #sequence = 0
  #gap = false
  #ended = false
  #latestTicks = 0
  #targetDuration: number | null = null
  #revision = 0

  constructor(options: LivePackageOptions) {
    this.id = options.id
    this.#options = options
  }

  /**
   * A broadcast that goes on after a restart, from its recording: its segments are all in the table, none is in memory, and
   * what comes next follows a gap. `startedUs`: wall clock at its begin.
   */
  static resume(options: LivePackageOptions, recording: FoundRecording, startedUs: number): LivePackage {
    const pack = new LivePackage(options)
    pack.#video = recording.video
    pack.#audio = recording.audio
    pack.#start()
    restoreTables(pack, recording, startedUs)
    const changed = recording.fragments.findLast(({ changedTo }) => changedTo !== null)?.changedTo
    if (changed) {
      pack.#video = changed
      pack.#picture?.sendInBand([parameterSetsOf(changed)])
    }
    for (const rendition of pack.#renditions) {
      pack.#complete(rendition)
      const { endTime, timescale, kind } = rendition
      pack.#latestTicks = Math.max(pack.#latestTicks, scaleTicks(endTime, LIVE_TIMESCALE, timescale))
      if (kind === 'audio') pack.#resumeSound(rendition)
    }
    pack.#sequence = recording.fragments.length
    pack.#gap = true
    return pack
  }

  /** Sound may be a segment behind the pictures; that one gets its first frame of what comes next. */
  #resumeSound(rendition: Rendition): void {
    this.#sound?.resumeAt(rendition.endTime)
    for (let segment = rendition.endSegment; segment < this.cuts.length; segment += 1) {
      this.#sound?.cut(this.cuts.at(segment) ?? 0, false)
    }
  }

  /** What was published, and the rungs made of it. */
  get renditions(): readonly Rendition[] {
    return this.#renditions
  }

  /** Whether nothing follows. */
  get ended(): boolean {
    return this.#ended
  }

  /** Whether there is a recording to begin: `recordingHeader` answers. */
  get started(): boolean {
    return this.#header !== null
  }

  /** Whether it can be played: every track has its first segment. */
  get isPlayable(): boolean {
    const [first] = this.#renditions
    return first !== undefined && this.#targetDuration !== null
  }

  /** Rises whenever a playlist would read differently. */
  get revision(): number {
    return this.#revision
  }

  /**
   * Whole seconds, of the longest segment so far. Groups of pictures that become longer are known when they come: then
   * either RFC 8216 §4.3.3.1 is broken, by a segment that is longer, or §6.2.1, by a value that changes. Players that stay
   * three of the old ones from the end stop within every longer segment; a larger value they take as it is.
   */
  get targetDuration(): number {
    return this.#targetDuration ?? LEAST_TARGET_SECONDS
  }

  /** Where the first segment begins, in seconds: instant clips count from there. */
  get startSeconds(): number {
    return (this.cuts.at(0) ?? 0) / LIVE_TIMESCALE
  }

  /** Where what was published ends so far, in ticks of `LIVE_TIMESCALE`. */
  get endTicks(): number {
    return this.#latestTicks
  }

  /** Called after each change of `revision`. Answers how to leave. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * A track's format, also a changed one. False: it cannot be part of this broadcast (another sound, or a track that comes
   * when the recording has begun without it), and a new one has to begin. Throws `codec_config_broken`; only H.264 and AAC
   * may be handed in.
   */
  format(format: LiveFormat): boolean {
    if (format.codec !== 'avc' && format.codec !== 'aac') {
      throw new HeadwaterError('internal', `A broadcast is packaged from H.264 and AAC, not ${format.codec}.`)
    }
    codecOf(format)
    const known = format.kind === 'video' ? this.#video : this.#audio
    if (isSameFormat(known, format)) return true
    if (this.started && (known === null || format.kind === 'audio')) return false
    if (format.kind === 'audio') this.#audio = format
    else if (this.started) this.#changePictures(format)
    else this.#video = format
    return true
  }

  /** A unit with a steady time. */
  unit(unit: AccessUnit): void {
    if (this.#ended) return
    this.#latestTicks = Math.max(this.#latestTicks, unit.dts)
    if (this.started) this.#take(unit)
    else this.#takeEarly(unit)
  }

  /** What comes next does not follow what was: the publisher was away. */
  gap(): void {
    if (!this.started || this.#ended) return
    this.#gap = true
    this.#finishTracks()
    for (const rendition of this.#renditions) this.#complete(rendition)
  }

  /** Nothing follows. */
  end(): void {
    if (this.#ended) return
    if (!this.started && this.#early.length > 0) this.#start()
    this.#finishTracks()
    this.#ended = true
    for (const rendition of this.#renditions) this.#complete(rendition)
  }

  /** How the recording begins: `ftyp` and `moov` of its tracks. Throws `internal` before the first fragment. */
  recordingHeader(): Uint8Array {
    if (this.#header === null) throw new HeadwaterError('internal', 'The broadcast has not begun yet.')
    return this.#header
  }

  /** A rendition by its id in addresses. */
  find(id: string): Rendition | undefined {
    return this.#renditions.find((rendition) => rendition.id === id)
  }

  /** Adds a lower rung, e.g. `360p`. */
  addRung(name: string): RungInput {
    return createRung({
      cuts: this.cuts,
      sequence: () => (this.#sequence += 1),
      begin: (format, firstSegment) =>
        this.#addRendition('video', format, LIVE_TIMESCALE, name, firstSegment),
      complete: (rendition) => this.#complete(rendition),
      changed: () => this.#changed(),
      remove: (rendition) => {
        this.#renditions.splice(this.#renditions.indexOf(rendition), 1)
        this.#changed()
      },
    })
  }

  #takeEarly(unit: AccessUnit): void {
    const isFirst = !this.#early.some(({ kind }) => kind === 'video')
    // Nothing can be decoded before the first sync picture; and sound alone does not wait for ever.
    if (unit.kind === 'video' && isFirst && !unit.isSync) return
    this.#early.push(unit)
    const begin = this.#early.find(({ kind }) => kind === (this.#video === null ? 'audio' : 'video'))
    if (begin === undefined) {
      this.#early = this.#early.filter(({ dts }) => dts > unit.dts - LONGEST_WAIT_TICKS)
      return
    }
    const isComplete = this.#video !== null && this.#audio !== null
    if (isComplete || unit.dts - begin.dts >= OTHER_TRACK_TICKS) this.#start()
  }

  /** Which tracks there are is decided, for the whole broadcast. */
  #start(): void {
    const formats = [this.#video, this.#audio].filter((format) => format !== null)
    if (formats.length === 0) return
    this.#header = writeLiveInit(formats.map((format) => ({ format, trackId: trackIdOf(format) })))
    if (this.#video !== null) this.#picture = this.#pictureTrack(this.#video)
    if (this.#audio !== null) this.#sound = this.#soundTrack(this.#audio)
    const early = this.#early
    this.#early = []
    for (const unit of early) this.#take(unit)
  }

  #pictureTrack(format: VideoFormat): PictureTrack {
    const rendition = this.#addRendition('video', format, LIVE_TIMESCALE)
    return new PictureTrack({
      trackId: PICTURE_TRACK_ID,
      sequence: () => (this.#sequence += 1),
      startsSegment: (ptsTicks) => this.#cut(ptsTicks, SHORTEST_SEGMENT_TICKS),
      onFragment: (fragment) => this.#append(rendition, fragment),
      onSegmentEnd: () => this.#complete(rendition),
    })
  }

  #soundTrack(format: SoundFormat): SoundTrack {
    const grid = soundGrid(format)
    const rendition = this.#addRendition('audio', format, grid.sampleRate)
    return new SoundTrack({
      trackId: SOUND_TRACK_ID,
      channels: format.channels,
      ...grid,
      sequence: () => (this.#sequence += 1),
      onFragment: (fragment) => this.#append(rendition, fragment),
      onSegmentEnd: () => this.#complete(rendition),
    })
  }

  #addRendition(
    kind: 'video' | 'audio',
    format: LiveFormat,
    timescale: number,
    rung?: string,
    firstSegment = 0,
  ): Rendition {
    const id = `${this.id}${rung ?? kind[0]}`
    const rendition = new Rendition({ id, kind, timescale, firstSegment, ...(rung && { rung }) })
    const trackId = rung === undefined ? trackIdOf(format) : PICTURE_TRACK_ID
    rendition.addInit(format, trackId, firstSegment)
    this.#renditions.push(rendition)
    return rendition
  }

  #take(unit: AccessUnit): void {
    if (unit.kind === 'video') {
      this.#picture?.add(unit)
      this.#sound?.fill(unit.dts)
      return
    }
    if (this.#picture === null) this.#cut(unit.pts, SOUND_SEGMENT_TICKS)
    this.#sound?.add(unit)
  }

  /** Whether a segment begins here. Asked at sync pictures; where there are none, at every sound. */
  #cut(ticks: number, leastTicks: number): { readonly afterGap: boolean } | null {
    const last = this.cuts.at(-1)
    if (last !== undefined && !this.#gap && ticks - last < leastTicks) return null
    const afterGap = this.#gap && last !== undefined
    this.#gap = false
    // Sent now, so what is shown `behind` it was sent that much earlier.
    const behindUs = Math.round(((this.#latestTicks - ticks) * 1e6) / LIVE_TIMESCALE)
    this.cuts.push(ticks, afterGap, this.#options.clock.nowUs() - behindUs)
    this.#sound?.cut(ticks, afterGap)
    return { afterGap }
  }

  #append(rendition: Rendition, fragment: LiveFragment): void {
    rendition.append(fragment)
    const segment = rendition.endSegment - 1
    this.#options.onFragment?.({
      ...fragment,
      rendition: rendition.id,
      segment,
      recorded: (position) => {
        rendition.stored(segment, position, fragment.bytes.byteLength)
        this.#release()
      },
    })
    this.#release()
    this.#changed()
  }

  #complete(rendition: Rendition): void {
    rendition.completeLast()
    this.#setTarget()
    this.#release()
    this.#changed()
  }

  /** Once every track has a complete segment. */
  #setTarget(): void {
    const own = this.#renditions.filter(({ rung }) => rung === null)
    if (own.some(({ completeSegment }) => completeSegment === 0)) return
    const longest = Math.max(...own.map(({ longestSeconds }) => longestSeconds))
    this.#targetDuration = Math.max(LEAST_TARGET_SECONDS, Math.round(longest))
  }

  #release(): void {
    releaseHeld(this.#renditions, {
      mostBytes: this.#options.memoryBytes ?? MEMORY_BYTES,
      ageTicks: (segment) => this.#latestTicks - (this.cuts.at(segment) ?? 0),
    })
  }

  #changePictures(format: VideoFormat): void {
    const rendition = this.#renditions.find(({ kind, rung }) => kind === 'video' && rung === null)
    this.#video = format
    this.#picture?.finish()
    this.#picture?.sendInBand([parameterSetsOf(format)])
    this.#gap = true
    rendition?.addInit(format, PICTURE_TRACK_ID, this.cuts.length)
  }

  /** Makes parts of what is there. */
  #finishTracks(): void {
    this.#picture?.finish()
    this.#sound?.finish()
  }

  #changed(): void {
    this.#revision += 1
    for (const listener of this.#listeners) listener()
  }
}

function trackIdOf(format: LiveFormat): number {
  return format.kind === 'video' ? PICTURE_TRACK_ID : SOUND_TRACK_ID
}

/** Segments are as long as groups of pictures; shorter ones are joined to a second, as far as times are exact. */
const SHORTEST_SEGMENT_TICKS = 0.95 * LIVE_TIMESCALE
/** Where there are no pictures. */
const SOUND_SEGMENT_TICKS = 2 * LIVE_TIMESCALE
/** How long it is waited for the other track when one has begun. */
const OTHER_TRACK_TICKS = 2 * LIVE_TIMESCALE
/** How much sound is kept until the first sync picture comes. */
const LONGEST_WAIT_TICKS = 20 * LIVE_TIMESCALE
/** Players take three of them as their distance from the end: the smaller, the closer. */
const LEAST_TARGET_SECONDS = 2
/** Beside what sockets and tables take, an input stays below 30 MB. */
const MEMORY_BYTES = 16_000_000

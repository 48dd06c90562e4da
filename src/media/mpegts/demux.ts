/**
 * A transport stream as it comes over a network (ISO/IEC 13818-1) into coded pictures and sounds: the first program's first
 * H.264 and first AAC stream. Bytes may be cut anywhere, and packets be lost; what is held on to is bounded.
 */

import type { AccessUnit, LiveFormat } from '../live/units.ts'
import { AccessUnitReader } from './access-units.ts'
import { AdtsFrameReader } from './adts-frames.ts'
import { ContinuityCheck, PacketCutter, type Packet, readPacket } from './packets.ts'
import { PesReader } from './pes.ts'
import { nameCodec, TYPE_ADTS, TYPE_AVC } from './stream-codec.ts'
import { type ProgramStream, readPat, readPmt, SectionReader } from './tables.ts'

const PAT_PID = 0

/** What is told of a stream. Times have 33 bits; a `pts` may lie beyond them, near its `dts`. */
export type TsListener = {
  format(format: LiveFormat): void
  unit(unit: AccessUnit): void
  /** The program has pictures or sound, but none in a codec we take; told once for each. */
  unsupported(kind: 'video' | 'audio', codec: string): void
}

/** What was wrong with a stream so far. */
export type TsFaults = {
  readonly skippedBytes: number
  /** Times that packets were missing in a stream that we take. */
  readonly holes: number
  readonly droppedPictures: number
}

/** One stream that is taken. */
type Track = {
  readonly pid: number
  readonly type: number
  readonly continuity: ContinuityCheck
  readonly pes: PesReader
  readonly reader: { lose(): void; flush?(): void; readonly droppedPictures?: number }
}

/** Reads one transport stream. */
export class TsDemuxer {
  readonly #listener: TsListener
  readonly #cutter = new PacketCutter((bytes) => this.#takePacket(bytes))
  readonly #pat = new SectionReader((section) => this.#takePat(section))
  #pmt: SectionReader | undefined
  #program: { program: number; pmtPid: number } | undefined
  #lastMap: Uint8Array = new Uint8Array(0)
  #tracks: { video?: Track; audio?: Track } = {}
  readonly #refused = new Set<string>()
  #holes = 0
  /** Names of streams that are there but not taken, for the log. */
  ignored: readonly string[] = []

  constructor(listener: TsListener) {
    this.#listener = listener
  }

  /** The next bytes. */
  push(bytes: Uint8Array): void {
    this.#cutter.push(bytes)
  }

  /** Nothing follows: gives the picture whose end only the next one would have shown. */
  end(): void {
    for (const track of [this.#tracks.video, this.#tracks.audio]) {
      track?.pes.flush()
      track?.reader.flush?.()
    }
  }

  get faults(): TsFaults {
    return {
      skippedBytes: this.#cutter.skippedBytes,
      holes: this.#holes,
      droppedPictures: this.#tracks.video?.reader.droppedPictures ?? 0,
    }
  }

  #takePacket(bytes: Uint8Array): void {
    const packet = readPacket(bytes)
    if (packet?.payload === undefined) return
    const { pid, isStart, payload } = packet
    if (pid === PAT_PID) return this.#pat.push(payload, isStart)
    if (pid === this.#program?.pmtPid) return this.#pmt?.push(payload, isStart)
    const { video, audio } = this.#tracks
    if (pid === video?.pid) takeMedia(video, packet, () => this.#count())
    else if (pid === audio?.pid) takeMedia(audio, packet, () => this.#count())
  }

  #count(): void {
    this.#holes += 1
  }

  #takePat(section: Uint8Array): void {
    const found = readPat(section)
    const current = this.#program
    if (found === undefined) return
    if (found.program === current?.program && found.pmtPid === current.pmtPid) return
    this.#program = found
    this.#pmt = new SectionReader((map) => this.#takePmt(map, found.program))
    this.#lastMap = new Uint8Array(0)
  }

  #takePmt(section: Uint8Array, program: number): void {
    // It comes ten times a second, nearly always the same.
    if (Buffer.compare(section, this.#lastMap) === 0) return
    const streams = readPmt(section, program)
    if (streams === undefined) return
    this.#lastMap = section.slice()
    const video = this.#choose(streams, 'video', TYPE_AVC)
    const audio = this.#choose(streams, 'audio', TYPE_ADTS)
    this.#tracks = {
      video: this.#keep(this.#tracks.video, video, () => this.#openVideo()),
      audio: this.#keep(this.#tracks.audio, audio, () => this.#openAudio()),
    }
    const rest = streams.filter((stream) => stream !== video && stream !== audio)
    this.ignored = rest.map((stream) => nameCodec(stream).name)
  }

  #choose(
    streams: readonly ProgramStream[],
    kind: 'video' | 'audio',
    type: number,
  ): ProgramStream | undefined {
    const found = streams.find((stream) => stream.type === type)
    const other = streams.map(nameCodec).find((codec) => codec.kind === kind)
    if (found === undefined && other !== undefined && !this.#refused.has(other.name)) {
      this.#refused.add(other.name)
      this.#listener.unsupported(kind, other.name)
    }
    return found
  }

  /** The track as it is while it stays under its packet id; another one otherwise. */
  #keep(
    current: Track | undefined,
    stream: ProgramStream | undefined,
    open: () => Pick<Track, 'pes' | 'reader'>,
  ): Track | undefined {
    if (current !== undefined && current.pid === stream?.pid) return current
    current?.pes.flush()
    current?.reader.flush?.()
    if (stream === undefined) return undefined
    return { pid: stream.pid, type: stream.type, continuity: new ContinuityCheck(), ...open() }
  }

  #openVideo(): Pick<Track, 'pes' | 'reader'> {
    const reader = new AccessUnitReader(this.#listener)
    return { reader, pes: new PesReader((pes) => reader.push(pes)) }
  }

  #openAudio(): Pick<Track, 'pes' | 'reader'> {
    const reader = new AdtsFrameReader(this.#listener)
    return { reader, pes: new PesReader((pes) => reader.push(pes)) }
  }
}

function takeMedia(track: Track, packet: Packet, onHole: () => void): void {
  if (packet.payload === undefined) return
  const seen = track.continuity.see(packet)
  if (seen === 'repeated') return
  if (seen === 'hole') {
    onHole()
    track.pes.reset()
    track.reader.lose()
  }
  if (!track.pes.push(packet.payload, packet.isStart)) track.reader.lose()
}

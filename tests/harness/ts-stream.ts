/** A small transport stream of our own, for tests and fuzzers: pictures that are no pictures, but well framed. */

import { concatBytes } from '../../src/media/isobmff/write-boxes.ts'
import type { AccessUnit, LiveFormat, SoundFormat, VideoFormat } from '../../src/media/live/units.ts'
import { writeLengths } from '../../src/media/mpegts/annexb.ts'
import { TsMuxer } from '../../src/media/mpegts/mux.ts'

/** H.264 as x264 describes 160 by 120 pictures. */
export const VIDEO_FORMAT: VideoFormat = {
  kind: 'video',
  codec: 'avc',
  config: new Uint8Array(
    Buffer.from(
      '0164000bffe100196764000bacd942847e5c0440000003004000000c83c50a658001000468ef8fcbfdf8f800',
      'hex',
    ),
  ),
  width: 160,
  height: 120,
}

/** AAC-LC, stereo, 48 kHz. */
export const SOUND_FORMAT: SoundFormat = {
  kind: 'audio',
  codec: 'aac',
  config: Uint8Array.of(0x11, 0x90),
  sampleRate: 48_000,
  channels: 2,
}

/** A picture of two slices; every tenth is a sync picture. */
export function pictureUnit(index: number, bytes = 500): AccessUnit {
  const isSync = index % 10 === 0
  const slice = (fill: number) => new Uint8Array(bytes).fill(fill).fill(isSync ? 0x65 : 0x41, 0, 1)
  const dts = index * 3600
  return {
    kind: 'video',
    dts,
    pts: dts + (isSync ? 3600 : 7200),
    isSync,
    data: writeLengths([slice(0x80 + (index % 64)), slice(0x88)]),
  }
}

/** A frame of sound. */
export function soundUnit(index: number, bytes = 200): AccessUnit {
  const dts = index * 1920
  return { kind: 'audio', dts, pts: dts, isSync: true, data: new Uint8Array(bytes).fill(index & 0xff) }
}

/** Two seconds of both, in the order of their times. */
export function someUnits(): AccessUnit[] {
  const pictures = Array.from({ length: 50 }, (_, index) => pictureUnit(index))
  const sounds = Array.from({ length: 94 }, (_, index) => soundUnit(index))
  return [...pictures, ...sounds].sort((a, b) => a.dts - b.dts)
}

/** What the multiplexer makes of formats and units. */
export function muxAll(
  units: readonly AccessUnit[],
  formats: readonly LiveFormat[] = [VIDEO_FORMAT, SOUND_FORMAT],
): Uint8Array<ArrayBuffer> {
  const muxer = new TsMuxer()
  for (const format of formats) muxer.format(format)
  return concatBytes(units.map((unit) => muxer.unit(unit)))
}

/** Formats and units of a broadcast as messages of one RTMP stream, for players and for other servers. */

import { toTimestamp, writeConfigTag, type WrittenTag, writeUnitTag } from '../../media/flv/write-tag.ts'
import type { AccessUnit, LiveFormat } from '../../media/live/units.ts'
import { MESSAGE } from '../../media/rtmp/message.ts'
import { CHUNK_STREAM, type RtmpLink } from './link.ts'

/** Chunks as large as players and servers take them: few headers, and our messages are not interleaved anyway. */
export const CHUNK_BYTES = 65_536

/** Writes one stream. Its times begin at 0 with the first unit. */
export class StreamWriter {
  readonly #link: RtmpLink
  readonly #streamId: number
  #startTicks: number | undefined
  #timestamp = 0

  constructor(link: RtmpLink, streamId: number) {
    this.#link = link
    this.#streamId = streamId
  }

  format(format: LiveFormat): void {
    if (format.codec === 'avc' || format.codec === 'aac') this.tag(writeConfigTag(format))
  }

  unit(unit: AccessUnit): void {
    this.#startTicks ??= unit.dts
    // Sound that belongs to a little before the first picture would have no time otherwise.
    const ticks = Math.max(0, unit.dts - this.#startTicks)
    this.#timestamp = toTimestamp(ticks)
    this.tag(writeUnitTag(unit))
  }

  /** A message at the time of the last unit. */
  tag({ type, payload }: WrittenTag): void {
    const chunkStreamId =
      type === MESSAGE.video
        ? CHUNK_STREAM.video
        : type === MESSAGE.audio
          ? CHUNK_STREAM.audio
          : CHUNK_STREAM.data
    this.#link.send({
      chunkStreamId,
      type,
      streamId: this.#streamId,
      timestamp: this.#timestamp,
      payload,
    })
  }
}

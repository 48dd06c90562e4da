/** Somebody who publishes by SRT: what comes is taken apart and given to the broadcast. */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import { TsDemuxer } from '../../media/mpegts/demux.ts'
import type { Publishing } from '../../live-ports.ts'
import type { Connection, SrtEnd } from './connection.ts'

/** Bytes without a packet, after which it is no transport stream. */
const MOST_GARBAGE_BYTES = 1024 * 1024
/** A caller that sends nothing keeps nobody else out for longer. */
const SILENCE_MS = 30_000

export type PublisherDeps = {
  readonly connection: Connection
  readonly publishing: Publishing
  readonly log: Log
  readonly remote: string
  /** Called once, when it is over. */
  readonly onEnd: () => void
}

/** Gives what the connection receives to `publishing`, until either ends. */
export function startPublisher(deps: PublisherDeps): { cut(): void } {
  const { connection, publishing, log, remote } = deps
  const facts = { input: publishing.inputUid, remote }
  let isOver = false
  let silence: NodeJS.Timeout | undefined
  const demuxer = new TsDemuxer({
    format: (format) => publishing.format(format),
    unit: (unit) => publishing.unit(unit),
    unsupported: (kind, codec) => {
      throw unsupported(kind, codec)
    },
  })
  const finish = (tell: () => void, statistics?: SrtEnd['statistics']): void => {
    if (isOver) return
    isOver = true
    clearTimeout(silence)
    tell()
    log.info({ ...facts, ...demuxer.faults, ignored: demuxer.ignored, ...statistics }, 'SRT publisher gone')
    deps.onEnd()
  }
  const giveUp = (how: 'clean' | 'lost', why?: HeadwaterError): void => {
    connection.hangUp()
    finish(() => publishing.end(how, why))
  }
  const hear = (): void => {
    clearTimeout(silence)
    silence = setTimeout(() => giveUp('lost'), SILENCE_MS)
  }
  const take = (work: () => void): void => {
    try {
      work()
      if (demuxer.faults.skippedBytes > MOST_GARBAGE_BYTES) throw noTransportStream()
    } catch (error) {
      if (!isFailure(error)) log.error({ ...facts, err: error }, 'an SRT publisher could not be taken')
      giveUp('lost', isFailure(error) ? error : undefined)
    }
  }
  log.info(facts, 'SRT publisher')
  hear()
  connection.listen({
    data: (bytes) => {
      hear()
      take(() => demuxer.push(bytes))
    },
    closed: ({ how, statistics }) => {
      take(() => demuxer.end())
      finish(() => publishing.end(how), statistics)
    },
  })
  return {
    cut: () => {
      connection.hangUp()
      finish(() => publishing.end('lost'))
    },
  }
}

function unsupported(kind: 'video' | 'audio', codec: string): HeadwaterError {
  return kind === 'video'
    ? new HeadwaterError('live_video_codec_unsupported', `Pictures have to be H.264, got ${codec}.`, {
        facts: { videoCodec: codec, audioCodec: '' },
      })
    : new HeadwaterError('live_audio_codec_unsupported', `Sound has to be AAC in ADTS, got ${codec}.`, {
        facts: { videoCodec: 'H.264', audioCodec: codec },
      })
}

function noTransportStream(): HeadwaterError {
  return new HeadwaterError(
    'live_stream_broken',
    'SRT has to carry an MPEG transport stream, got something else.',
  )
}

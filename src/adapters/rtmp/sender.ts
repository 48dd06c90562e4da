/** Sends broadcasts to other servers over RTMP and RTMPS (live.md §8): the untouched stream, as fast as they take it. */

import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectEncrypted } from 'node:tls'
import { isFailure } from '../../lib/failure.ts'
import { writeMetadata } from '../../media/flv/write-tag.ts'
import type { AccessUnit, LiveFormat, SoundFormat, VideoFormat } from '../../media/live/units.ts'
import type { LiveSender } from '../../live-ports.ts'
import { ClientSession, failed } from './client-session.ts'
import { StreamWriter } from './stream-writer.ts'
import { readTarget, type RtmpTarget, serverName } from './target.ts'
import { type QueueLimits, UnitQueue } from './unit-queue.ts'

/** Milliseconds that each step may take. */
export type SenderLimits = {
  /** From the first packet to the permission to publish, encryption included. */
  readonly connectMs: number
  /** The far end takes nothing at all. */
  readonly stalledMs: number
  readonly queue: Partial<QueueLimits>
}

const LIMITS: SenderLimits = { connectMs: 15_000, stalledMs: 15_000, queue: {} }
const CHECK_MS = 1_000

type Target = Parameters<LiveSender['connect']>[0]
type Sending = Awaited<ReturnType<LiveSender['connect']>>

/** Creates the sender. `limits` are for tests, `ca` too: certificates in PEM that are trusted instead of the usual ones. */
export function createRtmpSender(
  options: { readonly limits?: Partial<SenderLimits>; readonly ca?: string } = {},
): LiveSender {
  const limits = { ...LIMITS, ...options.limits }
  return {
    schemes: ['rtmp', 'rtmps'],
    connect: async (target) => await connect(target, limits, options.ca),
  }
}

async function connect(target: Target, limits: SenderLimits, ca: string | undefined): Promise<Sending> {
  target.signal.throwIfAborted()
  const place = readTarget(target.url, target.streamKey)
  const socket = openSocket(place, target.address, ca)
  return await new Promise<Sending>((resolve, reject) => {
    let sending: OneSending | undefined
    let closed = (): void => {}
    const hasClosed = new Promise<void>((settle) => {
      closed = settle
    })
    const session = new ClientSession(socket, place, {
      onPublished: () => {
        clear()
        sending = new OneSending(session, limits, hasClosed)
        resolve(sending)
      },
      onClosed: (error) => {
        clear()
        closed()
        if (sending === undefined) reject(target.signal.aborted ? target.signal.reason : toFailure(error))
        else if (sending.stop()) target.onLost(toFailure(error))
      },
    })
    const timer = setTimeout(() => session.link.cut(failed('did not answer in time')), limits.connectMs)
    const abort = () => session.link.cut()
    const clear = () => {
      clearTimeout(timer)
      target.signal.removeEventListener('abort', abort)
    }
    target.signal.addEventListener('abort', abort)
    socket.once(place.isEncrypted ? 'secureConnect' : 'connect', () => session.link.begin())
  })
}

/** To the checked address, which is not resolved again; the certificate has to be that of the URL's host. */
function openSocket(place: RtmpTarget, address: string, ca: string | undefined): Socket {
  const { port, isEncrypted } = place
  if (!isEncrypted) return connectPlain({ host: address, port })
  const servername = serverName(place)
  return connectEncrypted({
    host: address,
    port,
    minVersion: 'TLSv1.2',
    ...(servername !== undefined && { servername }),
    ...(ca !== undefined && { ca }),
  })
}

class OneSending implements Sending {
  readonly #session: ClientSession
  readonly #writer: StreamWriter
  readonly #queue: UnitQueue
  readonly #hasClosed: Promise<void>
  readonly #timer: ReturnType<typeof setInterval>
  #formats: { video: VideoFormat | null; audio: SoundFormat | null } = { video: null, audio: null }
  #hasMetadata = false
  #isOver = false

  constructor(session: ClientSession, limits: SenderLimits, hasClosed: Promise<void>) {
    this.#session = session
    this.#hasClosed = hasClosed
    const { link } = session
    this.#writer = new StreamWriter(link, session.streamId)
    this.#queue = new UnitQueue({
      send: (item) => {
        if (item.kind === 'unit') this.#sendUnit(item.unit)
        else this.#sendFormat(item.format)
      },
      unsentBytes: () => link.unsentBytes,
      nowMs: () => performance.now(),
      limits: limits.queue,
    })
    link.onDrain(() => {
      if (!this.#isOver) this.#queue.flush()
    })
    this.#timer = setInterval(() => {
      if (link.stalledMs(performance.now()) > limits.stalledMs) link.cut(failed('takes nothing any more'))
    }, CHECK_MS)
  }

  format(format: LiveFormat): void {
    if (!this.#isOver) this.#queue.format(format)
  }

  unit(unit: AccessUnit): void {
    if (!this.#isOver) this.#queue.unit(unit)
  }

  end(): void {
    void this.close()
  }

  async close(): Promise<void> {
    if (this.stop()) this.#session.end()
    await this.#hasClosed
  }

  /** No more is sent. False if it was over already. */
  stop(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    clearInterval(this.#timer)
    return true
  }

  /** The first of each kind wait for the first unit: metadata, which tells of both, comes before them. */
  #sendFormat(format: LiveFormat): void {
    if (format.kind === 'video') this.#formats.video = format
    else this.#formats.audio = format
    if (this.#hasMetadata) this.#writer.format(format)
  }

  #sendUnit(unit: AccessUnit): void {
    if (!this.#hasMetadata) {
      this.#hasMetadata = true
      this.#writer.tag(writeMetadata(this.#formats, { forServer: true }))
      for (const format of [this.#formats.video, this.#formats.audio]) {
        if (format !== null) this.#writer.format(format)
      }
    }
    this.#writer.unit(unit)
  }
}

/** What the operator of the output may read. */
function toFailure(error: Error): Error {
  if (isFailure(error, 'fetch_failed')) return error
  if (isFailure(error, 'live_stream_broken')) {
    return failed(`does not speak RTMP (${error.message.replace(/\.$/, '')})`, error)
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return failed(SENTENCES[code] ?? `could not be reached (${code === '' ? error.message : code})`, error)
}

const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'closed the connection',
  EPIPE: 'closed the connection',
  ETIMEDOUT: 'did not answer in time',
  ERR_TLS_CERT_ALTNAME_INVALID: 'has a certificate for another name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'has a certificate that nobody vouches for',
  SELF_SIGNED_CERT_IN_CHAIN: 'has a certificate that nobody vouches for',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'has a certificate that nobody vouches for',
  CERT_HAS_EXPIRED: 'has a certificate that has run out',
}

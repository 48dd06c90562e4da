/** Who may come in (live.md §2): publishers one at a time per input, players with a key of their own. */

import type { Jobs } from '../../jobs/job.ts'
import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type {
  AcceptedCodecs,
  Feed,
  FeedListener,
  LiveCaller,
  LiveDoor,
  LiveProtocol,
  Publishing,
} from '../../live-ports.ts'
import type { Blobs, Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { checkRoomOnDisk } from '../uploads/index.ts'
import { checkStorage } from '../videos/index.ts'
import {
  findByKey,
  findByStreamId,
  getLiveInput,
  type KeyPurpose,
  type LiveInput,
  recordErrored,
} from '../live-inputs/index.ts'
import type { Broadcast } from './broadcast.ts'
import { Connection } from './connection.ts'
import type { Statuses } from './statuses.ts'

/** A publisher who has been silent for so long gives way to a newer one (live.md §2). */
const GIVES_WAY_MS = 5_000

/** The broadcasts behind the door: `Broadcasts` says what each does. */
export type BehindDoor = {
  readonly statuses: Statuses
  find(uid: string): Broadcast | undefined
  begin(input: LiveInput): Broadcast
  renew(connection: Connection, input: LiveInput): Broadcast
  accept(feed: Feed, accepts: AcceptedCodecs): Feed | undefined
}

export type LiveDoorDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly clock: Clock
  readonly jobs: Jobs
  readonly log: Log
  readonly limits: { readonly storageMinutes: number; readonly minFreeBytes: number }
}

type DoorDeps = LiveDoorDeps & {
  /** Inputs whose owner was told that there is no room, once until there is: encoders try again every few seconds. */
  readonly toldOfRoom: Set<string>
}

/** Creates the door of these broadcasts. */
export function createDoor(doorDeps: LiveDoorDeps, broadcasts: BehindDoor): LiveDoor {
  const deps: DoorDeps = { ...doorDeps, toldOfRoom: new Set() }
  return {
    findSrt: (streamId) => findSrt(deps, broadcasts, streamId),
    publish: (caller) => publish(deps, broadcasts, caller),
    play: (caller, accepts) => play(deps, broadcasts, caller, accepts),
  }
}

async function findSrt(
  deps: DoorDeps,
  broadcasts: BehindDoor,
  streamId: string,
): ReturnType<LiveDoor['findSrt']> {
  const found = await findByStreamId(deps.db, streamId)
  if (found === undefined) return undefined
  const { input, passphrase, purpose } = found
  try {
    if (purpose === 'publish') await admit(deps, broadcasts, { input, protocol: 'srt' })
    else checkEnabled(input)
    return { passphrase, purpose }
  } catch (error) {
    if (!isFailure(error) || error.kind !== 'caller') throw error
    return { passphrase, purpose, refusal: error }
  }
}

type Applicant = { readonly input: LiveInput; readonly protocol: LiveProtocol }

/** Throws `live_input_disabled` or `storage_exhausted`, and notes for the owner that somebody was refused. */
async function admit(deps: DoorDeps, broadcasts: BehindDoor, { input, protocol }: Applicant): Promise<void> {
  try {
    checkEnabled(input)
    await checkRoom(deps, input)
    deps.toldOfRoom.delete(input.uid)
  } catch (error) {
    refuse(deps, broadcasts, { input, protocol, error })
    throw error
  }
}

async function publish(deps: DoorDeps, broadcasts: BehindDoor, caller: LiveCaller): Promise<Publishing> {
  const input = await findInput(deps, caller, 'publish')
  await admit(deps, broadcasts, { input, protocol: caller.protocol })
  // From here on nothing is waited for, so that of two who come at once one is second.
  const running = broadcasts.find(input.uid)
  const present = running?.connection
  if (present && present.silentMs < GIVES_WAY_MS) {
    throw new HeadwaterError(
      'live_input_busy',
      'Somebody else publishes to this live input; end that first, or use another input.',
    )
  }
  present?.cut(
    new HeadwaterError('live_input_busy', 'A newer publisher has taken over, after this one was silent.'),
  )
  // Cutting one from whom no picture has come may have ended the broadcast.
  const broadcast = broadcasts.find(input.uid) ?? broadcasts.begin(input)
  const connection: Connection = new Connection({
    inputUid: input.uid,
    caller,
    clock: deps.clock,
    renew: () => broadcasts.renew(connection, input),
  })
  broadcast.join(connection)
  deps.log.info(
    { inputUid: input.uid, protocol: caller.protocol, remote: caller.remote },
    'a broadcast is published',
  )
  return connection
}

async function play(
  deps: LiveDoorDeps,
  broadcasts: BehindDoor,
  caller: LiveCaller,
  accepts: AcceptedCodecs,
): Promise<Feed> {
  const input = await findInput(deps, caller, 'play')
  checkEnabled(input)
  const broadcast = broadcasts.find(input.uid)
  const feed = broadcast?.feed.video ? broadcasts.accept(broadcast.feed, accepts) : undefined
  if (feed === undefined || broadcast === undefined) {
    throw new HeadwaterError(
      'live_not_started',
      'Nobody publishes to this live input in a codec that can be played; start the broadcast first.',
    )
  }
  return {
    get video() {
      return feed.video
    },
    get audio() {
      return feed.audio
    },
    listen: (listener: FeedListener) => {
      const forget = broadcast.players.add(caller)
      const leave = feed.listen(listener)
      return () => {
        forget()
        leave()
      }
    },
  }
}

/** Throws `live_key_unknown`. */
async function findInput(deps: LiveDoorDeps, caller: LiveCaller, purpose: KeyPurpose): Promise<LiveInput> {
  const input = await lookUp(deps, caller, purpose)
  if (input !== undefined) return input
  throw new HeadwaterError('live_key_unknown', 'No live input has this key; copy it again from the input.')
}

async function lookUp(
  { db }: LiveDoorDeps,
  { protocol, key }: LiveCaller,
  purpose: KeyPurpose,
): Promise<LiveInput | undefined> {
  // The handshake has compared the passphrase.
  if (protocol === 'srt') {
    const found = await findByStreamId(db, key)
    return found?.purpose === purpose ? found.input : undefined
  }
  // Who may see the input was asked before.
  if (protocol === 'webrtc' && purpose === 'play') return getLiveInput(db, key)
  return findByKey(db, key, purpose)
}

function checkEnabled(input: LiveInput): void {
  if (input.enabled) return
  throw new HeadwaterError('live_input_disabled', 'This live input is disabled; enable it to broadcast.')
}

/** Throws `storage_exhausted` where a recording would have no room. */
async function checkRoom({ db, blobs, clock, limits }: LiveDoorDeps, input: LiveInput): Promise<void> {
  if (input.recording.mode === 'off') return
  const { storageMinutes } = limits
  const { accountId } = input
  await checkStorage(db, { accountId, nowUs: clock.nowUs(), storageMinutes, addSeconds: 1 })
  try {
    await checkRoomOnDisk({ blobs, limits }, 0)
  } catch (cause) {
    throw new HeadwaterError('storage_exhausted', 'The disk of the server has no room for a recording.', {
      cause,
    })
  }
}

/** Notes that the owner of a key was refused, and tells of full storage. */
function refuse(
  deps: DoorDeps,
  broadcasts: BehindDoor,
  { input, protocol, error }: Applicant & { readonly error: unknown },
): void {
  const running = broadcasts.find(input.uid)
  const { statuses } = broadcasts
  if (running?.connection) return
  const reason = running === undefined ? 'failed_to_connect' : 'failed_to_reconnect'
  statuses.enterOnce(input.uid, { state: 'disconnected', reason, protocol })
  if (!isFailure(error, 'storage_exhausted') || deps.toldOfRoom.has(input.uid)) return
  deps.toldOfRoom.add(input.uid)
  const told = {
    code: 'ERR_STORAGE_QUOTA_EXHAUSTED',
    message: error.message,
    videoCodec: '',
    audioCodec: '',
  } as const
  statuses.write((trx) => recordErrored(trx, deps, input.uid, told))
}

/**
 * libsrt 1.5 through koffi: the functions of its C API that are used, by their names there without `srt_`. Loaded in our SRT
 * process only, so that a fault of native code takes nothing else with it.
 *
 * Nothing here may be called while the listener is closed on the same thread: `close` waits for a handshake in progress,
 * whose callback waits for this thread.
 */

import koffi from 'koffi'
import { type HandshakeAnswer, rejectWords, type SrtStatistics } from './handshake.ts'

/** Where it is found, by the dynamic linker. Its major and minor version are its ABI. */
const NAMES: readonly string[] = [
  'libsrt-gnutls.so.1.5',
  'libsrt-openssl.so.1.5',
  'libsrt.so.1.5',
  'libsrt.1.5.dylib',
  '/opt/homebrew/lib/libsrt.1.5.dylib',
  '/usr/local/lib/libsrt.1.5.dylib',
]

/** Options (srt.h, `SRT_SOCKOPT`). */
export const OPTION = {
  sendSynchronously: 1,
  receiveSynchronously: 2,
  latencyMs: 23,
  receiveLatencyMs: 43,
  passphrase: 26,
  connectTimeoutMs: 36,
  streamId: 46,
  ipv6Only: 54,
} as const

/** What a socket is waited for (srt.h, `SRT_EPOLL_OPT`). */
export const EVENT = { readable: 1, writable: 4, broken: 8 } as const

/** Error codes (srt.h, `SRT_ERRNO`): nothing to read, no room to send. */
const ASYNC_RECEIVE = 6002
const ASYNC_SEND = 6001

/** The library, loaded. Sockets are its numbers. */
export interface LibSrt {
  readonly version: string
  readonly library: string
  createSocket(): number
  setInteger(socket: number, option: number, value: number): void
  setText(socket: number, option: number, value: string): void
  readText(socket: number, option: number): string
  readInteger(socket: number, option: number): number
  /** Bind and listen throw with what libsrt says. */
  listen(socket: number, address: Uint8Array): void
  /** The port a bound socket has, at its place in an address. */
  localAddress(socket: number): Uint8Array
  /** Called for every handshake, on our thread, while libsrt's waits. */
  onHandshake(
    socket: number,
    answer: (caller: { streamId: string; address: Uint8Array }) => HandshakeAnswer,
  ): void
  accept(socket: number): { socket: number; address: Uint8Array } | undefined
  /** Begins to connect; done when it is writable. */
  connect(socket: number, address: Uint8Array): void
  /** Bytes read; 0 when there is nothing yet, −1 when the connection is gone. */
  receive(socket: number, target: Uint8Array): number
  /** `full`: there is no room for it now. */
  send(socket: number, bytes: Uint8Array): 'sent' | 'full' | 'broken'
  watch(socket: number, events: number): void
  unwatch(socket: number): void
  /** Sockets something has happened at, and what; waits `timeoutMs` at most, in a thread of its own. */
  wait(timeoutMs: number): Promise<{ socket: number; events: number }[]>
  close(socket: number): void
  /** Closes a listener, in a thread of its own. */
  closeListener(socket: number): Promise<void>
  rejectReason(socket: number): string
  statistics(socket: number): SrtStatistics
}

const MOST_EVENTS = 256
const EVENT_BYTES = 8
const STATISTICS_BYTES = 2048
const BACKLOG = 128
const LOG_CRITICAL = 2
const SEND_FOREVER = -1

type Callable = (...args: unknown[]) => unknown

/** Loads the library. Throws with the names it was looked for under. */
export function loadLibSrt(): LibSrt {
  const { handle, library } = findLibrary()
  const define = (signature: string): ((...args: unknown[]) => number) =>
    handle.func(signature) as (...args: unknown[]) => number
  const version = define('uint32_t srt_getversion()')()
  define('int srt_startup()')()
  define('void srt_setloglevel(int)')(LOG_CRITICAL)
  const errorText = handle.func('const char* srt_getlasterror_str()') as () => string
  const errorCode = define('int srt_getlasterror(void*)')
  const check = (result: number): number => {
    if (result < 0) throw new Error(errorText())
    return result
  }

  const createSocket = define('int srt_create_socket()')
  const setOption = define('int srt_setsockflag(int, int, const void*, int)')
  const getOption = define('int srt_getsockflag(int, int, void*, void*)')
  const bind = define('int srt_bind(int, const void*, int)')
  const listen = define('int srt_listen(int, int)')
  const localName = define('int srt_getsockname(int, void*, void*)')
  const accept = define('int srt_accept(int, void*, void*)')
  const connect = define('int srt_connect(int, const void*, int)')
  const receive = define('int srt_recvmsg(int, void*, int)')
  const send = define('int srt_sendmsg(int, const void*, int, int, int)')
  const addToPoll = define('int srt_epoll_add_usock(int, int, void*)')
  const removeFromPoll = define('int srt_epoll_remove_usock(int, int)')
  const poll = handle.func('int srt_epoll_uwait(int, void*, int, int64_t)') as { async: Callable }
  const closeHandle = handle.func('int srt_close(int)') as Callable & { async: Callable }
  const reasonOf = define('int srt_getrejectreason(int)')
  const reasonText = handle.func('const char* srt_rejectreason_str(int)') as (code: number) => string
  const setReason = define('int srt_setrejectreason(int, int)')
  const bstats = define('int srt_bstats(int, void*, int)')
  koffi.proto('int Handshake(void*, int, int, const void*, const char*)')
  const setCallback = define('int srt_listen_callback(int, Handshake*, void*)')

  const pollId = check(define('int srt_epoll_create()')())
  const events = Buffer.alloc(MOST_EVENTS * EVENT_BYTES)
  const statistics = Buffer.alloc(STATISTICS_BYTES)
  const integer = (value: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32LE(value)
    return bytes
  }

  return {
    library,
    version: `${version >> 16}.${(version >> 8) & 0xff}.${version & 0xff}`,
    createSocket: () => check(createSocket()),
    setInteger: (socket, option, value) => void check(setOption(socket, option, integer(value), 4)),
    setText: (socket, option, value) => {
      const bytes = Buffer.from(value)
      check(setOption(socket, option, bytes, bytes.byteLength))
    },
    readText: (socket, option) => {
      const bytes = Buffer.alloc(520)
      const length = integer(bytes.byteLength)
      check(getOption(socket, option, bytes, length))
      return bytes.toString('utf8', 0, length.readInt32LE())
    },
    readInteger: (socket, option) => {
      const bytes = integer(0)
      check(getOption(socket, option, bytes, integer(bytes.byteLength)))
      return bytes.readInt32LE()
    },
    listen: (socket, address) => {
      check(bind(socket, address, address.byteLength))
      check(listen(socket, BACKLOG))
      check(addToPoll(pollId, socket, integer(EVENT.readable | EVENT.broken)))
    },
    localAddress: (socket) => readName((bytes, length) => check(localName(socket, bytes, length))),
    onHandshake: (socket, answer) => {
      const callback = koffi.register(
        (_: unknown, caller: number, handshake: number, address: unknown, streamId: string | null) => {
          // Version 4 has no stream ids.
          if (handshake < 5) return -1
          const said = answer({ streamId: streamId ?? '', address: readPeer(address) })
          if ('reject' in said) {
            setReason(caller, said.reject)
            return -1
          }
          const passphrase = Buffer.from(said.passphrase)
          return setOption(caller, OPTION.passphrase, passphrase, passphrase.byteLength)
        },
        'Handshake*',
      )
      check(setCallback(socket, callback, null))
    },
    accept: (socket) => {
      let accepted = -1
      const address = readName((bytes, length) => {
        accepted = accept(socket, bytes, length)
      })
      return accepted < 0 ? undefined : { socket: accepted, address }
    },
    connect: (socket, address) => void check(connect(socket, address, address.byteLength)),
    receive: (socket, target) => {
      const length = receive(socket, target, target.byteLength)
      if (length > 0) return length
      return length < 0 && errorCode(null) === ASYNC_RECEIVE ? 0 : -1
    },
    send: (socket, bytes) => {
      if (send(socket, bytes, bytes.byteLength, SEND_FOREVER, 0) >= 0) return 'sent'
      return errorCode(null) === ASYNC_SEND ? 'full' : 'broken'
    },
    watch: (socket, wanted) => void check(addToPoll(pollId, socket, integer(wanted))),
    unwatch: (socket) => void removeFromPoll(pollId, socket),
    wait: (timeoutMs) =>
      new Promise((resolve) => {
        poll.async(pollId, events, MOST_EVENTS, timeoutMs, (_: unknown, count: number) => {
          const length = Math.min(Math.max(count ?? 0, 0), MOST_EVENTS)
          resolve(
            Array.from({ length }, (_, index) => ({
              socket: events.readInt32LE(index * EVENT_BYTES),
              events: events.readInt32LE(index * EVENT_BYTES + 4),
            })),
          )
        })
      }),
    close: (socket) => void closeHandle(socket),
    closeListener: (socket) => new Promise((resolve) => closeHandle.async(socket, () => resolve())),
    rejectReason: (socket) => {
      const code = reasonOf(socket)
      return rejectWords(code, reasonText(code))
    },
    statistics: (socket) => {
      statistics.fill(0)
      bstats(socket, statistics, 0)
      return readStatistics(statistics)
    },
  }
}

/** The fields of `CBytePerfMon` that are told, at their places in it on machines of 64 bits. */
function readStatistics(bytes: Buffer): SrtStatistics {
  const [sent, received] = [Number(bytes.readBigInt64LE(8)), Number(bytes.readBigInt64LE(16))]
  return {
    rttMs: Math.round(bytes.readDoubleLE(328)),
    packets: sent + received,
    lost: bytes.readInt32LE(24) + bytes.readInt32LE(28),
    // Counted by the sender as a total, by the receiver since the last question that resets, of which there is none.
    retransmitted: bytes.readInt32LE(32) + bytes.readInt32LE(164),
    dropped: bytes.readInt32LE(64) + bytes.readInt32LE(68),
  }
}

function findLibrary(): { handle: ReturnType<typeof koffi.load>; library: string } {
  for (const library of NAMES) {
    try {
      return { handle: koffi.load(library), library }
    } catch {
      // The next name.
    }
  }
  throw new Error(`none of ${NAMES.slice(0, 3).join(', ')} was found`)
}

const ADDRESS_BYTES = 28
const LARGEST_ADDRESS_BYTES = 128

/** What a function writes into a `sockaddr_storage`. */
function readName(read: (bytes: Buffer, length: Buffer) => void): Uint8Array {
  const bytes = Buffer.alloc(LARGEST_ADDRESS_BYTES)
  const length = Buffer.alloc(4)
  length.writeInt32LE(bytes.byteLength)
  read(bytes, length)
  return bytes.subarray(0, ADDRESS_BYTES)
}

/** The address a callback is handed: longer by IPv6, so its family is read first. */
function readPeer(address: unknown): Uint8Array {
  const head = Uint8Array.from(koffi.decode(address, 'uint8_t', 2) as number[])
  const isIpv4 = head[0] === 2 || head[1] === 2
  const bytes = new Uint8Array(ADDRESS_BYTES)
  bytes.set(koffi.decode(address, 'uint8_t', isIpv4 ? 16 : ADDRESS_BYTES) as number[])
  return bytes
}

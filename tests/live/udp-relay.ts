/**
 * A line for datagrams that loses, delays, doubles and disorders them and is as narrow as one wants, as networks do: between a client and a server of this
 * machine, by a seed, so that the same comes again (as far as the programs at its ends say the same). Used by SRT and WebRTC.
 */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { seededRandom } from '../faults/seeded-random.ts'

/** What happens to datagrams, in both directions alike. Shares lie from 0 to 1. */
export type UdpWeather = {
  readonly loss?: number
  /** Of every datagram, one way. */
  readonly delayMs?: number
  /** Up to so much more, for each by chance, so that they overtake each other. */
  readonly jitterMs?: number
  readonly duplication?: number
  /** Bits a second that it carries, each way; what does not find room in its queue of `QUEUE_MS` is lost. */
  readonly rateBps?: number
}

/** As long as routers at the edge of a network let packets wait at least. */
const QUEUE_MS = 200

export type UdpRelay = AsyncDisposable & {
  /** Where clients send to, on 127.0.0.1. */
  readonly port: number
  readonly counts: { passed: number; lost: number; doubled: number }
  /** From now on. `{ loss: 1 }` is a cut line. */
  setWeather(weather: UdpWeather): void
}

/** Lays a line to `targetPort` on 127.0.0.1. Each client has a port of its own there, as behind a router. */
export async function layUdpRelay(
  targetPort: number,
  { seed = 1, ...first }: UdpWeather & { readonly seed?: number } = {},
): Promise<UdpRelay> {
  const random = seededRandom(seed)
  const near = createSocket('udp4')
  const far = new Map<number, Socket>()
  const timers = new Set<NodeJS.Timeout>()
  const counts = { passed: 0, lost: 0, doubled: 0 }
  let weather: UdpWeather = first

  const freeMs = { there: 0, back: 0 }
  /** How long a packet waits for those before it and is under way itself; undefined where there is no room for it. */
  const queue = (bytes: Buffer, way: keyof typeof freeMs): number | undefined => {
    const { rateBps } = weather
    if (rateBps === undefined) return 0
    const nowMs = performance.now()
    const beginMs = Math.max(nowMs, freeMs[way])
    if (beginMs - nowMs > QUEUE_MS) return undefined
    freeMs[way] = beginMs + (bytes.byteLength * 8_000) / rateBps
    return freeMs[way] - nowMs
  }
  const later = (send: () => void, queuedMs = 0): void => {
    const { delayMs = 0, jitterMs = 0 } = weather
    const timer = setTimeout(
      () => {
        timers.delete(timer)
        send()
      },
      queuedMs + delayMs + random() * jitterMs,
    )
    timers.add(timer)
  }
  const pass = (bytes: Buffer, way: keyof typeof freeMs, send: () => void): void => {
    const { loss = 0, duplication = 0 } = weather
    const queuedMs = random() < loss ? undefined : queue(bytes, way)
    if (queuedMs === undefined) {
      counts.lost += 1
      return
    }
    counts.passed += 1
    later(send, queuedMs)
    if (random() >= duplication) return
    counts.doubled += 1
    later(send)
  }
  const farSocket = (client: RemoteInfo): Socket => {
    const known = far.get(client.port)
    if (known !== undefined) return known
    const socket = createSocket('udp4')
    far.set(client.port, socket)
    socket.on('message', (bytes) =>
      pass(bytes, 'back', () => near.send(bytes, client.port, client.address, ignore)),
    )
    // Nobody listens any more: what is sent is lost.
    socket.on('error', ignore)
    return socket
  }
  near.on('message', (bytes, client) => {
    const socket = farSocket(client)
    pass(bytes, 'there', () => socket.send(bytes, targetPort, '127.0.0.1', ignore))
  })
  near.on('error', ignore)
  near.bind(0, '127.0.0.1')
  await once(near, 'listening')
  return {
    port: near.address().port,
    counts,
    setWeather(next) {
      weather = next
    },
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearTimeout(timer)
      const sockets = [near, ...far.values()]
      await Promise.all(
        sockets.map(async (socket) => {
          socket.removeAllListeners('message')
          socket.close()
          await once(socket, 'close')
        }),
      )
    },
  }
}

function ignore(): void {
  // A datagram that cannot be sent is a lost one.
}

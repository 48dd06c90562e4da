/** A line between a client and a server that a test can hold and cut, as tunnels and trains do it. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Line = AsyncDisposable & {
  /** Reaches the server through the line. */
  readonly url: string
  /** Resolves when `bytes` more have gone towards the server; from then on nothing does, until the line is cut. */
  holdAfter(bytes: number): Promise<void>
  /** Every connection breaks; new ones are passed on again. */
  cut(): void
}

/** Lays a line to `serverUrl`. */
export async function layLine(serverUrl: string): Promise<Line> {
  const { hostname, port } = new URL(serverUrl)
  /** The client's end of each connection, and the server's. */
  const ends = new Map<Socket, Socket>()
  let hold: { leftBytes: number; reached: () => void } | undefined

  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    ends.set(near, far)
    // A broken end is what is wanted here; the other one learns of it by `close`.
    near.on('error', () => undefined)
    far.on('error', () => undefined)
    far.on('close', () => near.destroy())
    near.on('close', () => {
      ends.delete(near)
      // Not destroyed: what has been sent still arrives, so a test knows what the server got before the cut.
      far.end()
    })
    far.pipe(near)
    near.on('data', (bytes: Buffer) => {
      if (hold !== undefined) {
        hold.leftBytes -= bytes.length
        if (hold.leftBytes <= 0) {
          near.pause()
          hold.reached()
          return
        }
      }
      if (!far.write(bytes)) {
        near.pause()
        far.once('drain', () => near.resume())
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    hold = undefined
    for (const near of ends.keys()) near.resetAndDestroy()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    holdAfter: (bytes) =>
      new Promise((resolve) => {
        hold = { leftBytes: bytes, reached: resolve }
      }),
    cut,
    [Symbol.asyncDispose]: async () => {
      for (const [near, far] of ends) {
        near.destroy()
        far.destroy()
      }
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

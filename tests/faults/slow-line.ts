/** A line between a client and a server that carries a request's bytes in small pieces, so that a fault can meet the middle of a body. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** An open line. Whoever opens one must close it. */
export type SlowLine = {
  /** What the client calls instead of the server; the path is the server's. */
  readonly url: string
  /** Cuts what is still under way. */
  close(): Promise<void>
}

/** Opens a line to `url`; before each piece of at most 64 KiB that a client sends it waits `pauseMs()` milliseconds. */
export async function openSlowLine(url: string, pauseMs: () => number): Promise<SlowLine> {
  const target = new URL(url)
  const ends = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    const onward = connect({ port: Number(target.port), host: target.hostname, noDelay: true })
    for (const [socket, other] of [
      [client, onward],
      [onward, client],
    ] as const) {
      ends.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        ends.delete(socket)
        other.destroy()
      })
    }
    onward.pipe(client)
    client.on('data', (piece) => {
      client.pause()
      setTimeout(() => {
        if (onward.destroyed) return
        onward.write(piece)
        client.resume()
      }, pauseMs())
    })
    client.on('end', () => onward.end())
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of ends) socket.destroy()
      await closed
    },
  }
}

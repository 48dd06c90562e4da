/** nginx on a folder, set up for static files as its documentation advises. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** One start of nginx. */
export type Nginx = { readonly url: string; stop(): Promise<void> }

/**
 * `sendfile`: the kernel copies from the file to the socket. `buffers`: nginx reads into buffers of 1 MiB, which is
 * quicker over loopback. Which of them is better depends on the machine, so both are measured.
 */
export type NginxManner = 'sendfile' | 'buffers'

const MANNERS: Readonly<Record<NginxManner, string>> = {
  sendfile: 'sendfile on; tcp_nopush on;',
  buffers: 'sendfile off; output_buffers 2 1m;',
}

/** Serves `root` on a free port of loopback; its own files lie in `folder`. Throws when nginx is not installed. */
export async function startNginx(folder: string, root: string, manner: NginxManner): Promise<Nginx> {
  const own = join(folder, `nginx-${manner}`)
  await mkdir(own, { recursive: true })
  const port = await freePort()
  const file = join(own, 'nginx.conf')
  await writeFile(file, configuration({ own, root, port, manner }))
  const child = spawn('nginx', ['-c', file, '-p', own], { stdio: ['ignore', 'ignore', 'pipe'] })
  const said: string[] = []
  child.stderr.on('data', (bytes: Buffer) => said.push(bytes.toString()))
  const url = `http://127.0.0.1:${port}`
  await untilAnswering(url, child, said)
  return {
    url,
    stop: async () => {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

function configuration(options: { own: string; root: string; port: number; manner: NginxManner }): string {
  const { own, root, port, manner } = options
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${own}/${name};`)
    .join('\n  ')
  return `daemon off;
user root;
worker_processes auto;
pid ${own}/nginx.pid;
error_log stderr crit;
events { worker_connections 2048; }
http {
  access_log off;
  ${folders}
  types { video/mp4 m4s mp4; application/vnd.apple.mpegurl m3u8; }
  ${MANNERS[manner]}
  tcp_nodelay on;
  keepalive_requests 1000000;
  open_file_cache max=1000;
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`
}

async function untilAnswering(url: string, child: ChildProcess, said: readonly string[]): Promise<void> {
  const failed = once(child, 'error').then(([error]) => {
    throw new Error('nginx could not be started; on Debian: apt-get install nginx-light', { cause: error })
  })
  const answered = async () => {
    for (let tries = 0; tries < 100; tries += 1) {
      if (child.exitCode !== null) throw new Error(`nginx ended: ${said.join('')}`)
      const response = await fetch(url).catch(() => undefined)
      await response?.arrayBuffer()
      if (response !== undefined) return
      await sleep(50)
    }
    throw new Error(`nginx does not answer: ${said.join('')}`)
  }
  await Promise.race([answered(), failed])
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

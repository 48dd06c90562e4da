/**
 * Visitors upload straight from their browsers to Headwater with Uppy; only the one-time links come from here, so the API
 * token never leaves this program. A link takes one file of the size that was asked for and needs no credentials.
 *
 *   npm install uppy
 *   HEADWATER_PUBLIC_URL=… HEADWATER_ACCOUNT_ID=… HEADWATER_API_TOKEN=… PORT=3000 node server.mjs
 */

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'

const {
  HEADWATER_PUBLIC_URL,
  HEADWATER_ACCOUNT_ID,
  HEADWATER_API_TOKEN,
  PORT = '3000',
  UPPY = 'uppy',
} = process.env

const stream = `${HEADWATER_PUBLIC_URL}/client/v4/accounts/${HEADWATER_ACCOUNT_ID}/stream`
const authorization = `Bearer ${HEADWATER_API_TOKEN}`

/** The page and Uppy itself, which a real site would have from its own build or a CDN. */
const FILES = {
  '/': ['text/html', new URL('page.html', import.meta.url)],
  '/uppy.min.mjs': ['text/javascript', new URL(import.meta.resolve(`${UPPY}/dist/uppy.min.mjs`))],
  '/uppy.min.css': ['text/css', new URL(import.meta.resolve(`${UPPY}/dist/uppy.min.css`))],
}

/**
 * What Uppy posts here is a tus creation. It is passed on, together with what only this program may say: who uploads, and
 * how long the video may be. A page that tries to say that itself names a key twice, which is refused.
 */
async function makeLink(incoming, outgoing) {
  const metadata = [incoming.headers['upload-metadata'], `maxDurationSeconds ${btoa('3600')}`]
  const response = await fetch(`${stream}?direct_user=true`, {
    method: 'POST',
    headers: {
      Authorization: authorization,
      'Tus-Resumable': '1.0.0',
      'Upload-Length': incoming.headers['upload-length'] ?? '',
      'Upload-Metadata': metadata.filter(Boolean).join(','),
      'Upload-Creator': 'visitor-1',
    },
  })
  if (!response.ok) {
    outgoing.writeHead(response.status).end(await response.text())
    return
  }
  outgoing.writeHead(200, {
    'Access-Control-Expose-Headers': 'Location, Stream-Media-ID',
    Location: response.headers.get('location'),
    'Stream-Media-ID': response.headers.get('stream-media-id'),
  })
  outgoing.end()
}

/** Whether a video can be watched yet, and where. */
async function showVideo(id, outgoing) {
  const response = await fetch(`${stream}/${id}`, { headers: { Authorization: authorization } })
  const { result } = await response.json()
  outgoing.writeHead(response.status, { 'Content-Type': 'application/json' })
  outgoing.end(
    JSON.stringify(
      result && { state: result.status.state, ready: result.readyToStream, watch: result.preview },
    ),
  )
}

async function answer(incoming, outgoing) {
  const { pathname } = new URL(incoming.url, 'http://localhost')
  const [, videoId] = /^\/videos\/([0-9a-f]{32})$/.exec(pathname) ?? []
  if (incoming.method === 'POST' && pathname === '/upload-links') await makeLink(incoming, outgoing)
  else if (incoming.method === 'GET' && videoId) await showVideo(videoId, outgoing)
  else if (incoming.method === 'GET' && Object.hasOwn(FILES, pathname)) {
    const [type, file] = FILES[pathname]
    outgoing.writeHead(200, { 'Content-Type': `${type}; charset=utf-8` }).end(await readFile(file))
  } else outgoing.writeHead(404).end()
}

const server = createServer((incoming, outgoing) => {
  answer(incoming, outgoing).catch((error) => {
    console.error(error)
    outgoing.destroy()
  })
})
server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`The page is at http://127.0.0.1:${server.address().port}/`)
})

/** The real program with everything secret set, at debug level: what no path leads to, and what no log or answer tells. */

import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startReceiver, type Receiver } from '../harness/receiver.ts'
import { sample } from '../harness/samples.ts'
import { startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { type RawAnswer, send } from '../harness/raw-http.ts'

const execute = promisify(execFile)

/** Secrets by what they are. Each is unlike anything else that could be in a log. */
const secrets: Record<string, string> = {}
const newSecret = (name: string): string => (secrets[name] = `${name}-${randomBytes(12).toString('hex')}`)

let folder: string
let server: TestServer
/** Answers every request with a failure that holds everything it was told. */
let parrot: Receiver
let uid: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-secrets-'))
  parrot = await startReceiver((outgoing, incoming) => {
    outgoing.statusCode = 500
    outgoing.end(JSON.stringify([incoming.url, incoming.headers]))
  })
  const dataDir = join(folder, 'inner/data')
  await mkdir(dataDir, { recursive: true })
  server = await startServer({
    dataDir,
    env: {
      HEADWATER_API_TOKEN: newSecret('api-token'),
      HEADWATER_API_EMAIL: 'me@example.com',
      HEADWATER_API_KEY: newSecret('api-key'),
      HEADWATER_SPEECH_URL: `${parrot.url}/transcriptions`,
      HEADWATER_SPEECH_KEY: newSecret('speech-key'),
      HEADWATER_ALLOW_PRIVATE_FETCH: 'true',
      HEADWATER_LOG_LEVEL: 'trace',
    },
  })
  secrets['sealing-key'] = (await readFile(join(dataDir, 'sealing-key'), 'utf8')).trim()
  uid = (await uploadFile(server, await sample('h264-aac.mp4'))).uid
  await waitForVideo(server, uid, 'ready')
})
afterAll(async () => {
  await server?.stop()
  await parrot?.stop()
  await rm(folder, { recursive: true, force: true })
})

type Asked = { headers?: Record<string, string>; body?: string | Uint8Array }

function ask(method: string, path: string, { headers, body }: Asked = {}): Promise<RawAnswer> {
  const authorization = `Bearer ${server.token}`
  return send(server.url, path, { method, headers: { authorization, ...headers }, body })
}

const stream = (rest = '') => `/client/v4/accounts/${server.accountId}/stream${rest}`

describe('a path', () => {
  const prefixes = () => [
    '/',
    '/assets/',
    '/embed/',
    '/videos/',
    `/${uid}/`,
    `/${uid}/manifest/`,
    `/${uid}/downloads/`,
    `/${uid}/thumbnails/`,
    `/${uid}/headwater/`,
    '/upload/',
    '/upload/tus/',
    '/client/v4/accounts/',
    stream('/'),
    stream(`/${uid}/captions/`),
    stream('/watermarks/'),
    `/client/v4/accounts/${server.accountId}/media/`,
  ]
  const climbs = [
    '../../api-token',
    '..%2f..%2fsealing-key',
    '%2e%2e/%2e%2e/sealing-key',
    '%2E%2E%2Fsealing-key',
    '.%2e/sealing-key',
    '..\\..\\sealing-key',
    '..%5c..%5csealing-key',
    '%252e%252e%252fsealing-key',
    '..%c0%afsealing-key',
    '..%ef%bc%8fsealing-key',
    '..;/sealing-key',
    '....//sealing-key',
    '%00',
    'sealing-key%00.js',
    'x%0d%0aX-Injected:1',
    '/etc/passwd',
    '%2fetc%2fpasswd',
    'file:///etc/passwd',
    '~root',
    'C:%5Cwindows',
    '__proto__',
    'constructor/prototype',
  ]

  /** Every place where something that a client names stands in an address, with `climb` in it. */
  const placesOf = (climb: string) => [
    ...prefixes().map((prefix) => prefix + climb),
    `/${climb}/manifest/video.m3u8`,
    `/${climb}/downloads/default.mp4`,
    `/${climb}/thumbnails/thumbnail.jpg`,
    `/${climb}/x/init.mp4`,
    `/${uid}/${climb}/init.mp4`,
    `/${uid}/${climb}/whole.vtt`,
    `/${uid}/manifest/${climb}.m3u8`,
    `/${climb}/watch`,
    stream(`/${climb}/token`),
    stream(`/${uid}/captions/${climb}/vtt`),
  ]

  test('that climbs, however it is written, finds nothing', async () => {
    const found: string[] = []
    for (const path of climbs.flatMap(placesOf)) {
      const answer = await ask('GET', path)
      const leaks = answer.text.includes(secrets['sealing-key'] ?? '') || answer.text.includes('root:')
      const refused = answer.status >= 400 && answer.status < 500
      // Whatever stands there, the dashboard's own script looks for a video of that name.
      const own = path.startsWith('/videos/') && answer.text.includes('data-page="dashboard"')
      if (leaks || (!refused && !own) || answer.headers['x-injected']) {
        found.push(`${path} ${answer.status} ${answer.text.slice(0, 100)}`)
      }
    }
    expect(found).toEqual([])
  })

  test('in absolute form that climbs is refused', async () => {
    for (const target of [
      `${server.url}/../../etc/passwd`,
      `${server.url}/assets/..%2f..%2fdata/sealing-key`,
    ]) {
      expect((await ask('GET', target)).status).toBe(400)
    }
  })

  test('given as the name of a file leads nowhere', async () => {
    const outside = () => readdir(folder, { recursive: false })
    const before = [await outside(), await readdir(join(folder, 'inner'))]
    const names = [
      '../../../escaped',
      '/tmp/escaped',
      '..\\escaped',
      'escaped\0.mp4',
      '-y',
      '$(touch escaped)',
    ]
    for (const name of names) {
      const base64 = Buffer.from(name).toString('base64')
      const made = await ask('POST', stream(), {
        headers: { 'tus-resumable': '1.0.0', 'upload-length': '10', 'upload-metadata': `filename ${base64}` },
      })
      expect(made.status).toBe(201)
      expect(made.headers['stream-media-id']).toMatch(/^[0-9a-f]{32}$/)
      const form = `--x\r\nContent-Disposition: form-data; name="file"; filename="${name.replace('\0', '')}"\r\n\r\nno film\r\n--x--\r\n`
      const sent = await ask('POST', stream(), {
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
        body: form,
      })
      expect(sent.status).toBe(400)
      const concat = await ask('POST', stream(), {
        headers: {
          'tus-resumable': '1.0.0',
          'upload-concat': `final;/upload/tus/${encodeURIComponent(name)}`,
        },
      })
      expect(concat.status).toBe(400)
    }
    expect([await outside(), await readdir(join(folder, 'inner'))]).toEqual(before)
  })
})

type Keep = (answer: Promise<RawAnswer>) => Promise<RawAnswer>
type LiveKeys = {
  uid: string
  rtmp: { url: string }
  rtmps: { streamKey: string }
  rtmpsPlayback: { streamKey: string }
}

/** Publishes to an input that has an output which cannot be reached, and asks every door for what it does not give. */
async function broadcast(keep: Keep): Promise<void> {
  const input = (
    await ask('POST', stream('/live_inputs'), { body: '{"recording":{"mode":"automatic"}}' })
  ).json().result as LiveKeys
  secrets['live-publish-secret'] = input.rtmps.streamKey.slice(0, 32)
  secrets['live-play-secret'] = input.rtmpsPlayback.streamKey.slice(0, 32)
  const outputs = stream(`/live_inputs/${input.uid}/outputs`)
  const target = `rtmp://127.0.0.1:1/${newSecret('output-path')}?token=${newSecret('output-query')}`
  const output = { url: target, streamKey: newSecret('output-key') }
  expect((await ask('POST', outputs, { body: JSON.stringify(output) })).status).toBe(200)
  const failing = {
    ...output,
    url: `gopher://x/${secrets['output-path']}`,
    streamKey: newSecret('refused-key'),
  }
  await keep(ask('POST', outputs, { body: JSON.stringify(failing) }))

  const publish = (key: string, seconds: number) => {
    const film = `-v error -re -f lavfi -i testsrc2=s=64x48:r=10:d=${seconds} -c:v libx264 -g 10 -f flv`
    return execute('ffmpeg', [...film.split(' '), `${input.rtmp.url}${key}`]).catch(() => {})
  }
  await publish(input.rtmps.streamKey.replace(/^.{4}/, '0000'), 1)
  await publish(input.rtmps.streamKey, 3)
  await publish(input.rtmpsPlayback.streamKey, 1)
  const offer = { headers: { 'content-type': 'application/sdp' }, body: 'v=0\r\n' }
  for (const key of [input.rtmps.streamKey, input.rtmpsPlayback.streamKey, `${input.rtmps.streamKey}0`]) {
    await keep(send(server.url, `/${key}/webRTC/publish`, { method: 'POST', ...offer }))
    await keep(send(server.url, `/${key}/webRTC/play`, { method: 'POST', ...offer }))
    await keep(send(server.url, `/${key}/manifest/video.m3u8`))
  }
  await keep(ask('GET', stream(`/live_inputs/${input.uid}/videos`)))
  await expect.poll(() => server.output()).toContain('an output is not connected')
}

test('no log line and no failing answer holds a secret, whatever is asked and however it fails', async () => {
  const answers: RawAnswer[] = []
  const keep = async (answer: Promise<RawAnswer>): Promise<RawAnswer> => {
    answers.push(await answer)
    return answer
  }
  const json = (value: unknown) => JSON.stringify(value)

  // Credentials, right and wrong, in every place for them.
  const wrong = newSecret('wrong-token')
  await keep(ask('GET', stream(), { headers: { authorization: `Bearer ${wrong}` } }))
  await keep(ask('GET', stream(), { headers: { authorization: `Basic ${wrong}` } }))
  await keep(ask('GET', stream(), { headers: { authorization: `Bearer ${wrong} x` } }))
  const pair = (key: string) =>
    send(server.url, stream(), { headers: { 'x-auth-email': 'me@example.com', 'x-auth-key': key } })
  await keep(pair(secrets['api-key'] ?? ''))
  await keep(pair(newSecret('wrong-key')))
  await keep(ask('GET', `${stream()}?api_token=${wrong}&search=${wrong}`))
  await keep(ask('GET', `/${wrong}/nowhere`))
  await keep(
    ask('GET', '/client/v4/accounts/x/stream', { headers: { cookie: `headwater_session=${wrong}` } }),
  )
  await keep(ask('POST', '/dashboard/session', { body: json({ token: wrong }) }))
  await keep(ask('POST', '/dashboard/session', { body: json({ code: wrong }) }))
  const session = await ask('POST', '/dashboard/session', { body: json({ token: server.token }) })
  secrets.session = /headwater_session=([\w-]+)/.exec(session.headers['set-cookie'] ?? '')?.[1] ?? ''
  const cookie = `headwater_session=${secrets.session}`
  await keep(send(server.url, '/dashboard/session', { headers: { cookie, 'sec-fetch-site': 'cross-site' } }))
  await keep(send(server.url, '/dashboard/session', { headers: { cookie, 'sec-fetch-site': 'same-origin' } }))

  // Webhooks: a receiver that says everything back, with credentials in its address.
  const { host } = new URL(parrot.url)
  const hook = `http://${newSecret('hook-user')}:${newSecret('hook-password')}@${host}/${newSecret('hook-path')}?k=${newSecret('hook-query')}`
  await ask('PUT', stream('/webhook'), { body: json({ notificationUrl: hook }) })
  await keep(ask('PUT', stream('/webhook'), { body: json({ notificationUrl: hook.replace('http', 'ftp') }) }))
  const plainHook = `http://${host}/${secrets['hook-path']}?k=${secrets['hook-query']}`
  const set = await ask('PUT', stream('/webhook'), { body: json({ notificationUrl: plainHook }) })
  secrets['webhook-secret'] = (set.json().result as { secret: string }).secret

  // Fetching: refused, unreachable, failing.
  const query = newSecret('fetch-query')
  const address = (port: string) =>
    `http://${secrets['fetch-user'] ?? newSecret('fetch-user')}:${secrets['fetch-password'] ?? newSecret('fetch-password')}@${port}/film.mp4?sig=${query}`
  const fetched = (await ask('POST', stream('/copy'), { body: json({ url: address(host) }) })).json()
    .result as { uid: string }
  await keep(ask('POST', stream('/copy'), { body: json({ url: `ftp://${wrong}@x/` }) }))
  await keep(ask('POST', stream('/watermarks'), { body: json({ url: address('127.0.0.1:1') }) }))
  await keep(ask('POST', stream('/watermarks'), { body: json({ url: address(host) }) }))

  // Keys and tokens: what was signed goes into every address; so does what was tampered with.
  const key = (await ask('POST', stream('/keys'))).json().result as { id: string; pem: string }
  secrets.pem = key.pem
  await keep(ask('POST', stream(`/${uid}/token`), { body: json({ id: key.id, pem: `x${key.pem}` }) }))
  await keep(ask('POST', stream(`/${uid}/token`), { body: json({ id: key.id, pem: key.pem, exp: 1 }) }))
  const signed = (await ask('POST', stream(`/${uid}/token`))).json().result as { token: string }
  secrets['playback-token'] = signed.token
  secrets['playback-signature'] = signed.token.split('.')[2] ?? ''
  for (const rest of ['manifest/video.m3u8', 'watch', 'nowhere', 'downloads/default.mp4', 'x/0.m4s']) {
    await send(server.url, `/${signed.token}/${rest}`)
    await keep(send(server.url, `/${signed.token}x/${rest}`))
  }
  await keep(ask('POST', `/${signed.token}/manifest/video.m3u8`))

  // Upload links, used rightly and wrongly.
  const tus = { 'tus-resumable': '1.0.0' }
  const made = await ask('POST', `${stream()}?direct_user=true`, {
    headers: { ...tus, 'upload-length': '10' },
  })
  const link = new URL(made.headers.location ?? '').pathname
  secrets['upload-link'] = link.split('/').at(-1) ?? ''
  const chunk = { ...tus, 'content-type': 'application/offset+octet-stream' }
  await keep(send(server.url, link))
  await keep(
    send(server.url, link, { method: 'PATCH', headers: { ...chunk, 'upload-offset': '5' }, body: 'x' }),
  )
  await keep(
    send(server.url, link, { method: 'PATCH', headers: { ...chunk, 'upload-offset': '0' }, body: 'x' }),
  )
  await keep(send(server.url, `${link}x`, { method: 'HEAD', headers: tus }))
  const late = {
    method: 'PATCH',
    headers: { ...chunk, 'upload-offset': '0' },
    body: 'no film at all'.slice(0, 10),
  }
  await keep(send(server.url, link, late))

  // A speech engine that says back what it was sent, the key among it.
  await ask('POST', stream(`/${uid}/captions/en/generate`))
  const captions = async () =>
    ((await ask('GET', stream(`/${uid}/captions/en`))).json().result as { status: string }).status
  await expect.poll(captions).toBe('error')
  await keep(ask('GET', stream(`/${uid}/captions/en`)))

  // Live: the keys of an input and of an output, in every door, right and wrong, by a real encoder.
  await broadcast(keep)

  // What failed behind all this says so where it is looked for.
  await keep(ask('GET', stream(`/${made.headers['stream-media-id']}`)))
  await keep(ask('GET', '/metrics'))
  await keep(ask('GET', '/openapi.json'))
  const log = () => server.output()
  await expect.poll(log).toContain(fetched.uid)
  await expect.poll(log).toContain('a webhook call failed')

  const told = Object.entries(secrets).flatMap(([name, secret]) => {
    expect(secret.length, name).toBeGreaterThan(12)
    return [
      ...answers
        .filter(({ text, headers }) => text.includes(secret) || json(headers).includes(secret))
        .map(({ status, text }) => `${name} in an answer: ${status} ${text.slice(0, 300)}`),
      ...server
        .output()
        .split('\n')
        .filter((line) => line.includes(secret))
        .map((line) => `${name} in the log: ${line.slice(0, 500)}`),
    ]
  })
  expect(told).toEqual([])
  expect(answers.length).toBeGreaterThan(30)
  // The log was read, and it tells of all this.
  expect(server.output()).toContain('"status":401')
  expect(server.output()).toContain('decoder starts')
  expect(server.output()).toContain('a broadcast is published')
})

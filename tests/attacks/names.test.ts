/** Names that want to be paths, options, commands or headers: they are kept or refused, and never acted upon. */

import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PresentedVideo } from '../../src/http/present-video.ts'
import { liveOnServer } from '../fuzz/media-life.ts'
import { callApi, startServer, type TestServer } from '../harness/server.ts'
import { openAttackSources } from './sources.ts'

/** As they would be typed; every one goes through every way in. */
const NAMES: Readonly<Record<string, string>> = {
  'a path upwards': '../../../../../tmp/headwater-evil.mp4',
  'an encoded path': '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  'a path of another system': '..\\..\\windows\\system32\\evil.mp4',
  'an absolute path': '/etc/cron.d/headwater-evil',
  'a byte of zero': 'holiday.mp4\0.sh',
  'a line break': 'holiday\r\nSet-Cookie: evil=1\r\n\r\n<script>',
  'an option': '-y -i /etc/passwd',
  'an option of a shell': '--help',
  'a command': '$(touch /tmp/headwater-evil)`touch /tmp/headwater-evil`',
  'several commands': '"; touch /tmp/headwater-evil; echo "',
  'a pattern': '%d%s%n%03d.mp4',
  'a protocol': 'concat:/etc/passwd|/etc/passwd',
  'a page': '<script>alert(1)</script><img src=x onerror=alert(1)>',
  'text that runs the other way': '\u202e4pm.exe\u2066',
  'a query': "'; drop table videos; --",
  'a property of all objects': '__proto__',
  'a very long one': 'a'.repeat(1900),
  'nothing but spaces': '   ',
}

let server: TestServer
let film: Uint8Array

beforeAll(async () => {
  server = await startServer()
  film = (await openAttackSources()).get('index-first.mp4')
})
afterAll(async () => {
  await server.stop()
})

describe.each(Object.entries(NAMES))('%s as a name', (_, name) => {
  test('of a tus upload is kept as it is, and so is one that the owner gives', async () => {
    const options = { budgetMs: 150_000, watch: false, remove: false }
    const end = await liveOnServer(server, { bytes: film, metadata: { name, filename: name } }, options)
    expect(end).toMatchObject({ state: 'ready', problems: [] })
    const path = `/stream/${end.uid}`
    expect((await callApi<PresentedVideo>(server, path)).meta.name).toBe(name)
    const meta = { name, [`key ${name}`]: name }
    const edited = await callApi<PresentedVideo>(server, path, {
      method: 'POST',
      body: { meta, creator: 'x' },
    })
    expect(edited.meta).toEqual(JSON.parse(JSON.stringify(meta)))
    const page = await fetch(`${server.url}/${end.uid}/watch`)
    expect(page.status).toBe(200)
    expect(await page.text()).not.toContain('<script>alert(1)')
    for (const asked of [name, encodeURIComponent(name)]) {
      const query = new URLSearchParams({ filename: asked })
      const answer = await fetch(`${server.url}/${end.uid}/downloads/default.mp4?${query.toString()}`)
      await answer.arrayBuffer()
      // None of them is a name of letters, digits, hyphens and underscores, and nothing was made to be downloaded.
      expect([400, 404]).toContain(answer.status)
      expect(answer.headers.get('set-cookie')).toBeNull()
    }
    await callApi(server, path, { method: 'DELETE' }).catch((error: unknown) => {
      // The answer to a deletion has no body to be read.
      expect(String(error)).toMatch(/JSON/)
    })
  })

  test('of a file in a form is kept as its last part, or the form is refused', async () => {
    const form = new FormData()
    form.append('file', new Blob([new Uint8Array(film)]), name)
    const answer = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}` },
      body: form,
    })
    const { result, errors } = (await answer.json()) as {
      result: PresentedVideo | null
      errors: { code: number }[]
    }
    expect([200, 400]).toContain(answer.status)
    if (answer.status === 200) expect(JSON.stringify(result?.meta.name)).not.toMatch(/^"\.\.\//)
    else expect(errors[0]?.code).toBe(10_005)
  })
})

describe('a path that leads out', () => {
  // Two dots alone are taken out of an address by whoever asks.
  const ids = ['%2e%2e%2f%2e%2e', '..%00', '%00', 'a'.repeat(33), '-rf', '$(id)', '%252e%252e']
  test.each(ids)('"%s" is no video, no segment and no upload', async (id) => {
    for (const path of [
      `/${id}/manifest/video.m3u8`,
      `/${id}/thumbnails/thumbnail.jpg`,
      `/${id}/downloads/default.mp4`,
      `/upload/tus/${id}`,
      `/client/v4/accounts/${server.accountId}/stream/${id}`,
    ]) {
      const answer = await fetch(server.url + path, { headers: { authorization: `Bearer ${server.token}` } })
      await answer.arrayBuffer()
      expect([400, 404, 405], path).toContain(answer.status)
    }
  })
})

test('nothing came of any of them outside the data folder, and the server answers', async () => {
  for (const folder of ['/tmp', '/etc/cron.d', dirname(server.dataDir)]) {
    const names = await readdir(folder).catch(() => [])
    expect(names.filter((name) => name.includes('headwater-evil'))).toEqual([])
  }
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
})

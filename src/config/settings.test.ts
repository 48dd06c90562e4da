import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { HeadwaterError } from '../lib/failure.ts'
import { formatSettingsPage, printSettings } from './describe-settings.ts'
import { readSettings } from './settings.ts'
import { warnOfUnknownSettings } from './unknown-settings.ts'

const machine = { cores: 3 }

describe('readSettings', () => {
  test('an empty environment gives the defaults', () => {
    const settings = readSettings({}, machine)
    expect(settings).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      publicUrl: null,
      accountId: null,
      apiToken: null,
      roles: ['api', 'delivery', 'worker', 'live'],
      workers: 3,
      quality: 'standard',
      storageMinutes: null,
      minFreeBytes: 2 ** 30,
      rateLimit: null,
      trustedProxies: null,
      logLevel: 'info',
      forceLadder: false,
    })
    expect(settings.dataDir).toMatch(/^\/.*\/data$/)
  })

  test.each([
    ['HEADWATER_PORT', '0', { port: 0 }],
    ['HEADWATER_PUBLIC_URL', 'https://video.example.com/', { publicUrl: 'https://video.example.com' }],
    ['HEADWATER_ROLES', 'worker, api,worker', { roles: ['worker', 'api'] }],
    ['HEADWATER_MIN_FREE_BYTES', '0', { minFreeBytes: 0 }],
    ['HEADWATER_MIN_FREE_BYTES', '1.5 GB', { minFreeBytes: 1_500_000_000 }],
    ['HEADWATER_MIN_FREE_BYTES', '512MiB', { minFreeBytes: 512 * 2 ** 20 }],
    ['HEADWATER_TRUSTED_PROXIES', '10.0.0.0/8, ::1', { trustedProxies: ['10.0.0.0/8', '::1'] }],
    ['HEADWATER_FORCE_LADDER', 'true', { forceLadder: true }],
    ['HEADWATER_WORKERS', '', { workers: 3 }],
    ['HEADWATER_RTMP_PORT', 'off', { rtmpPort: null }],
    [
      'HEADWATER_WEBRTC_ADDRESSES',
      '203.0.113.7, 2001:db8::7',
      { webrtcAddresses: ['203.0.113.7', '2001:db8::7'] },
    ],
    [
      'HEADWATER_ICE_SERVERS',
      'stun:stun.example.com:3478,turn:me:secret@turn.example.com?transport=tcp',
      {
        iceServers: [
          { url: 'stun:stun.example.com:3478', username: null, credential: null },
          { url: 'turn:turn.example.com?transport=tcp', username: 'me', credential: 'secret' },
        ],
      },
    ],
    ['HEADWATER_SRT_PORT', '0', { srtPort: 0, rtmpPort: 1935, rtmpsPort: 1936 }],
    ['HEADWATER_LIVE_INPUT_LIST', 'object', { liveInputList: 'object' }],
    ['HEADWATER_LIVE_LADDER', 'off', { liveLadder: 'off' }],
    ['HEADWATER_API_TOKEN', 'an.API_token~with+all/==', { apiToken: 'an.API_token~with+all/==' }],
  ])('%s=%s is read', (name, text, expected) => {
    expect(readSettings({ [name]: text }, machine)).toMatchObject(expected)
  })

  test.each([
    ['HEADWATER_PORT', '65536', '"65536", expected a port number from 0 to 65535'],
    ['HEADWATER_PORT', '80 ', '"80 ", expected a port number'],
    ['HEADWATER_PUBLIC_URL', 'video.example.com', 'expected an address such as https://'],
    ['HEADWATER_PUBLIC_URL', 'ftp://video.example.com', 'expected an address such as https://'],
    ['HEADWATER_ACCOUNT_ID', 'ABC', 'expected 32 lower-case hexadecimal characters'],
    ['HEADWATER_ROLES', 'api,encoder', 'one or more of api, delivery, worker and live'],
    ['HEADWATER_ROLES', ',', 'one or more of api, delivery, worker and live'],
    ['HEADWATER_WORKERS', '0', 'a whole number from 1 to 256'],
    [
      'HEADWATER_RTMP_PORT',
      'on',
      '"on", expected a port number from 0 to 65535 (0 picks a free one), or off',
    ],
    ['HEADWATER_WEBRTC_ADDRESSES', 'here.example.com', 'expected IP addresses separated by commas'],
    ['HEADWATER_ICE_SERVERS', 'turn:turn.example.com', 'expected servers separated by commas'],
    ['HEADWATER_ICE_SERVERS', 'stun:"><script>', 'expected servers separated by commas'],
    ['HEADWATER_LIVE_INPUT_LIST', 'map', 'expected array or object'],
    ['HEADWATER_QUALITY', 'best', '"best", expected standard or high'],
    ['HEADWATER_MIN_FREE_BYTES', '1 furlong', 'a number of bytes'],
    ['HEADWATER_MIN_FREE_BYTES', '1XB', 'a number of bytes'],
    ['HEADWATER_TRUSTED_PROXIES', '10.0.0.0/33', 'addresses or ranges'],
    ['HEADWATER_TRUSTED_PROXIES', 'proxy.local', 'addresses or ranges'],
    ['HEADWATER_DATABASE_URL', 'postgres://db', 'PostgreSQL is not built yet'],
    ['HEADWATER_STORAGE_URL', 's3://bucket', 'S3 storage is not built yet'],
    ['HEADWATER_API_KEY', 'long-enough-key', 'set without HEADWATER_API_EMAIL'],
    ['HEADWATER_RTMPS_CERT', '/etc/cert.pem', 'set without HEADWATER_RTMPS_KEY'],
    ['HEADWATER_RTMPS_KEY', '/etc/key.pem', 'set without HEADWATER_RTMPS_CERT'],
  ])('%s=%s is refused in one sentence', (name, text, expected) => {
    const message = problemsOf({ [name]: text })
    expect(message).toContain(`${name} is `)
    expect(message).toContain(expected)
    expect(message.split('\n')).toHaveLength(1)
  })

  test('every wrong value has its own line', () => {
    expect(problemsOf({ HEADWATER_PORT: 'x', HEADWATER_QUALITY: 'y' }).split('\n')).toHaveLength(2)
  })

  test('a wrong secret is not repeated', () => {
    expect(problemsOf({ HEADWATER_API_TOKEN: 'pässword' })).not.toContain('pässword')
  })
})

describe('warnOfUnknownSettings', () => {
  test('a misspelt name is told with the nearest one', () => {
    expect(warnOfUnknownSettings({ HEADWATER_PROT: '1', HEADWATER_PORT: '1', PATH: '/bin' })).toEqual([
      'HEADWATER_PROT is not a setting and has no effect; did you mean HEADWATER_PORT?',
    ])
  })

  test('a name of something to come says so', () => {
    expect(warnOfUnknownSettings({ HEADWATER_FFPROBE: '/usr/bin/ffprobe' })).toEqual([
      'HEADWATER_FFPROBE has no effect: no ffprobe is needed.',
    ])
  })

  test("the launcher's own name is known", () => {
    expect(warnOfUnknownSettings({ HEADWATER_NODE: '/usr/bin/node' })).toEqual([])
  })
})

describe('descriptions', () => {
  test('--print-config shows values and defaults, and no secret', () => {
    const text = printSettings(
      readSettings({ HEADWATER_API_TOKEN: 'top-secret', HEADWATER_PORT: '9' }, machine),
    )
    expect(text).toMatch(/HEADWATER_PORT +9\n +default: 8080\. /)
    expect(text).toMatch(/HEADWATER_API_TOKEN +\(set, not shown\)/)
    expect(text).not.toContain('top-secret')
  })

  test('docs/settings.md is what `npm run docs` makes', () => {
    const page = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8')
    expect(page).toBe(formatSettingsPage())
  })
})

function problemsOf(env: Record<string, string>): string {
  try {
    readSettings(env, machine)
  } catch (error) {
    if (error instanceof HeadwaterError && error.code === 'setting_invalid') return error.message
    throw error
  }
  throw new Error('the settings were accepted')
}

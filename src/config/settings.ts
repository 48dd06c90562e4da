/**
 * Every setting, in one table: name, type, default, what it means, what a value must look like. The types, the messages,
 * `--print-config` and `docs/settings.md` all come from it.
 */

import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'
import { HeadwaterError } from '../lib/failure.ts'
import {
  addressList,
  addressRanges,
  baseUrl,
  byteCount,
  iceServers,
  listOf,
  portOrOff,
  trueOrFalse,
  webAddress,
  wholeNumber,
} from './setting-values.ts'

/** Names to texts, as the process was given them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** What a default may depend on. */
export type Machine = { readonly cores: number }

/** One row of the table. */
export type SettingRow<S extends z.ZodType = z.ZodType, Absent = unknown> = {
  readonly name: string
  readonly schema: S
  /** The text that is read when the variable is absent; null = the setting is then `null`. */
  readonly default: string | null | ((machine: Machine) => string)
  /** How the default is told where it is not its own text. */
  readonly defaultText?: string
  /** Ends the sentence "… expects". */
  readonly expects: string
  /** One sentence for the operator. */
  readonly meaning: string
  /** Never shown. */
  readonly secret?: true
  /** Only for the compiler: what an absent value is. */
  readonly absent?: Absent
}

type RowText = Omit<SettingRow, 'name' | 'schema' | 'default' | 'absent'>

/** A setting that always has a value. */
function setting<S extends z.ZodType>(
  name: string,
  schema: S,
  text: RowText & { default: string | ((machine: Machine) => string) },
): SettingRow<S, never> {
  return { name, schema, ...text }
}

/** A setting that is `null` unless given. */
function optional<S extends z.ZodType>(name: string, schema: S, text: RowText): SettingRow<S, null> {
  return { name, schema, default: null, ...text }
}

const PORT_OR_OFF = 'a port number from 0 to 65535 (0 picks a free one), or off'

/** Absolute from here on. */
const filePath = z
  .string()
  .min(1)
  .transform((path) => resolve(path))

/** What a process does; DESIGN section 4. */
export type Role = 'api' | 'delivery' | 'worker' | 'live'

/** The table, in the order in which it is shown. */
export const SETTINGS = {
  port: setting('HEADWATER_PORT', wholeNumber(0, 65_535), {
    default: '8080',
    expects: 'a port number from 0 to 65535 (0 picks a free one)',
    meaning: 'Port on which HTTP listens.',
  }),
  host: setting('HEADWATER_HOST', z.string().regex(/^[\w.:%-]{1,255}$/), {
    default: '127.0.0.1',
    expects: 'an address or host name of this machine, such as 127.0.0.1 or 0.0.0.0',
    meaning: 'Address on which HTTP listens; `0.0.0.0` answers the whole network.',
  }),
  publicUrl: optional('HEADWATER_PUBLIC_URL', baseUrl, {
    defaultText: "from the request's host",
    expects: 'an address such as https://video.example.com, without query or fragment',
    meaning: 'Base of the addresses that are handed out; set it behind a proxy.',
  }),
  dataDir: setting('HEADWATER_DATA_DIR', filePath, {
    default: './data',
    expects: 'the path of a folder',
    meaning: 'Folder of the database, the videos and the secrets; made when it is absent.',
  }),
  accountId: optional('HEADWATER_ACCOUNT_ID', z.string().regex(/^[0-9a-f]{32}$/), {
    defaultText: 'made at first start, kept in `account-id` in the data folder',
    expects: '32 lower-case hexadecimal characters',
    meaning: 'Account id in the addresses of the API.',
  }),
  apiToken: optional('HEADWATER_API_TOKEN', z.string().regex(/^[\w.~+/-]{8,256}=*$/), {
    defaultText: 'made at first start, kept in `api-token` in the data folder',
    expects: 'at least 8 characters out of letters, digits and ._~+/-',
    meaning: 'API token with every permission.',
    secret: true,
  }),
  apiEmail: optional('HEADWATER_API_EMAIL', z.email(), {
    defaultText: 'off',
    expects: 'an e-mail address',
    meaning: 'With `HEADWATER_API_KEY`: the pair that older programs send as X-Auth-Email and X-Auth-Key.',
  }),
  apiKey: optional('HEADWATER_API_KEY', z.string().regex(/^[!-~]{8,256}$/), {
    defaultText: 'off',
    expects: 'at least 8 visible characters without spaces',
    meaning: 'See `HEADWATER_API_EMAIL`.',
    secret: true,
  }),
  roles: setting('HEADWATER_ROLES', listOf(['api', 'delivery', 'worker', 'live']), {
    default: 'api,delivery,worker,live',
    expects: 'one or more of api, delivery, worker and live, separated by commas',
    meaning: 'What this process does: the API and uploads, playback, encoding and webhooks, broadcasts.',
  }),
  rtmpPort: setting('HEADWATER_RTMP_PORT', portOrOff, {
    default: '1935',
    expects: PORT_OR_OFF,
    meaning: 'Port on which broadcasts are published and played by RTMP.',
  }),
  rtmpsPort: setting('HEADWATER_RTMPS_PORT', portOrOff, {
    default: '1936',
    expects: PORT_OR_OFF,
    meaning: 'The same for RTMP over TLS; the vendor uses 443, which HTTPS has here.',
  }),
  rtmpsCert: optional('HEADWATER_RTMPS_CERT', filePath, {
    defaultText: 'a certificate of its own, made at first start, kept in `rtmps.pem` in the data folder',
    expects: 'the path of a file',
    meaning:
      'Certificate (with those between it and its authority) of the RTMPS port, in PEM; read again when it has changed. OBS wants one that an authority vouches for.',
  }),
  rtmpsKey: optional('HEADWATER_RTMPS_KEY', filePath, {
    defaultText: 'see `HEADWATER_RTMPS_CERT`',
    expects: 'the path of a file',
    meaning: 'Private key of that certificate, in PEM.',
  }),
  srtPort: setting('HEADWATER_SRT_PORT', portOrOff, {
    default: '8778',
    expects: PORT_OR_OFF,
    meaning: 'The same for SRT (UDP); the vendor uses 778, which only root may open.',
  }),
  liveLadder: setting('HEADWATER_LIVE_LADDER', z.enum(['auto', 'off', 'on']), {
    default: 'auto',
    expects: 'auto, off or on',
    meaning:
      'Lower qualities of broadcasts (360p, 480p, 720p): as many as this machine makes with room to spare, none, or all while it keeps up. What is published is passed on untouched in every case.',
  }),
  webrtcPort: setting('HEADWATER_WEBRTC_PORT', portOrOff, {
    default: '8779',
    expects: PORT_OR_OFF,
    meaning:
      'UDP port of all WebRTC connections, of publishers (WHIP) and viewers (WHEP), on `HEADWATER_HOST`.',
  }),
  webrtcAddresses: optional('HEADWATER_WEBRTC_ADDRESSES', addressList, {
    defaultText: 'none',
    expects: 'IP addresses separated by commas, such as 203.0.113.7',
    meaning:
      "Addresses at which that port can be reached, handed out before the machine's own: the one outside its NAT, or that of the host around its container.",
  }),
  webrtcConnections: setting('HEADWATER_WEBRTC_CONNECTIONS', wholeNumber(1, 10_000), {
    default: '200',
    expects: 'a whole number from 1 to 10000',
    meaning: 'WebRTC connections at a time; further ones are answered 503.',
  }),
  iceServers: optional('HEADWATER_ICE_SERVERS', iceServers, {
    defaultText: 'none',
    expects:
      'servers separated by commas, such as stun:stun.example.com:3478 or turn:user:password@turn.example.com:3478',
    meaning: 'STUN and TURN servers that WebRTC clients are told of (`Link` in the answer).',
    secret: true,
  }),
  liveInputList: setting('HEADWATER_LIVE_INPUT_LIST', z.enum(['array', 'object']), {
    default: 'array',
    expects: 'array or object',
    meaning:
      'How the list of live inputs is answered: `array` as the live service does, `object` (`liveInputs`, `total`, `range`) as the SDK types it.',
  }),
  workers: setting('HEADWATER_WORKERS', wholeNumber(1, 256), {
    default: (machine) => String(machine.cores),
    defaultText: 'number of cores',
    expects: 'a whole number from 1 to 256',
    meaning: 'Encodes that run at a time.',
  }),
  quality: setting('HEADWATER_QUALITY', z.enum(['standard', 'high']), {
    default: 'standard',
    expects: 'standard or high',
    meaning: '`high` looks better at the same size and takes about twice the processor time.',
  }),
  storageMinutes: optional('HEADWATER_STORAGE_MINUTES', wholeNumber(1, 1_000_000_000), {
    defaultText: 'unlimited',
    expects: 'a whole number of minutes, at least 1',
    meaning:
      'Minutes of video an account may hold, those reserved for uploads to come included; `headwater account set` gives one its own.',
  }),
  minFreeBytes: setting('HEADWATER_MIN_FREE_BYTES', byteCount, {
    default: '1GiB',
    expects: 'a number of bytes, such as 1073741824, 500MB or 1GiB',
    meaning: 'Below this much free space new uploads are refused.',
  }),
  rateLimit: optional('HEADWATER_RATE_LIMIT', wholeNumber(1, 1_000_000_000), {
    defaultText: 'off',
    expects: 'a whole number of requests, at least 1',
    meaning: 'API requests allowed per token and five minutes; the bytes of uploads never count.',
  }),
  maxConnections: setting('HEADWATER_MAX_CONNECTIONS', wholeNumber(16, 1_000_000), {
    default: '4096',
    expects: 'a whole number from 16 to 1000000',
    meaning:
      'Connections at a time. When there are more, the address that holds most of them loses one, idle ones first. The limit of open files (`ulimit -n`) should be twice as high.',
  }),
  trustedProxies: optional('HEADWATER_TRUSTED_PROXIES', addressRanges, {
    defaultText: 'none',
    expects: 'addresses or ranges separated by commas, such as 10.0.0.0/8,::1',
    meaning:
      'Proxies whose X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host and `HEADWATER_COUNTRY_HEADER` are believed.',
  }),
  countryHeader: setting(
    'HEADWATER_COUNTRY_HEADER',
    z
      .string()
      .regex(/^[\w-]{1,64}$/)
      .transform((name) => name.toLowerCase()),
    {
      default: 'CF-IPCountry',
      expects: 'the name of a header, such as CF-IPCountry',
      meaning:
        "Header in which a trusted proxy names the viewer's country (two letters), for the access rules of signed tokens.",
    },
  ),
  allowPrivateFetch: setting('HEADWATER_ALLOW_PRIVATE_FETCH', trueOrFalse, {
    default: 'false',
    expects: 'true or false',
    meaning:
      'Lets addresses that are given to be fetched, or called as webhooks, lie on this machine and in local networks. Link-local addresses, where clouds keep their metadata, stay refused.',
  }),
  ffmpeg: optional('HEADWATER_FFMPEG', z.string().min(1), {
    defaultText: '`ffmpeg` on PATH, else the one that npm installed',
    expects: 'the path of an ffmpeg program, version 5.1 or newer',
    meaning: 'Which ffmpeg decodes and encodes.',
  }),
  cage: setting('HEADWATER_CAGE', z.enum(['auto', 'require', 'off']), {
    default: 'auto',
    expects: 'auto, require or off',
    meaning:
      "How far ffmpeg is locked in: `auto` takes what the system offers and tells what is missing, `require` does not start without all of it, `off` leaves the private view and the user of its own out (limits stay), for an ffmpeg that is a script of one's own. `headwater doctor` shows the layers.",
  }),
  speechCommand: optional('HEADWATER_SPEECH_COMMAND', z.string().min(1), {
    defaultText: 'off',
    expects: 'the path of a program',
    meaning:
      'Program that generates captions, called as `<program> <file.wav> <language>` (mono, 16 kHz; `en`, `de` …); it writes WebVTT to its standard output.',
  }),
  speechUrl: optional('HEADWATER_SPEECH_URL', webAddress, {
    defaultText: 'off',
    expects: 'an http or https address such as http://127.0.0.1:8000/v1/audio/transcriptions',
    meaning:
      'Server that generates captions instead of a program: the whole address of a call that takes what the transcriptions of OpenAI take.',
  }),
  speechKey: optional('HEADWATER_SPEECH_KEY', z.string().regex(/^[!-~]{1,1024}$/), {
    defaultText: 'none',
    expects: 'visible characters without spaces',
    meaning: 'Bearer token for `HEADWATER_SPEECH_URL`.',
    secret: true,
  }),
  speechModel: setting('HEADWATER_SPEECH_MODEL', z.string().regex(/^[\w./:@-]{1,200}$/), {
    default: 'whisper-1',
    expects: 'the name of a model',
    meaning: 'Model that `HEADWATER_SPEECH_URL` is asked for.',
  }),
  tracksInside: setting('HEADWATER_TRACKS_INSIDE', trueOrFalse, {
    default: 'true',
    expects: 'true or false',
    meaning:
      'Whether further sound and text that come inside a file (an MKV or MP4 with several languages) become audio tracks and captions of its video.',
  }),
  logLevel: setting(
    'HEADWATER_LOG_LEVEL',
    z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    {
      default: 'info',
      expects: 'one of trace, debug, info, warn, error, fatal and silent',
      meaning: 'How much is logged; `debug` shows every ffmpeg command, ready to be pasted.',
    },
  ),
  forceLadder: setting('HEADWATER_FORCE_LADDER', trueOrFalse, {
    default: 'false',
    expects: 'true or false',
    meaning: 'Encode every rung even where the source itself would serve as one; for benchmarks.',
  }),
} as const

type Rows = typeof SETTINGS
/** Key of a setting in `Settings`. */
export type SettingKey = keyof Rows

type ValueOf<R> = R extends SettingRow<infer S, infer Absent> ? z.output<S> | Absent : never

/** The values the program runs with. */
export type Settings = { readonly [K in SettingKey]: Readonly<ValueOf<Rows[K]>> }

/** Names that the plan of the program knows, but nothing reads yet. `refused`: going on without them would mislead. */
export const NOT_BUILT_YET: Readonly<Record<string, { what: string; refused?: true }>> = {
  HEADWATER_DATABASE_URL: {
    what: 'PostgreSQL is not built yet, the records are kept in the data folder',
    refused: true,
  },
  HEADWATER_STORAGE_URL: {
    what: 'S3 storage is not built yet, the videos are kept in the data folder',
    refused: true,
  },
  HEADWATER_FFPROBE: { what: 'no ffprobe is needed' },
}

/**
 * Reads and checks every setting; an empty text counts as absent. Throws `setting_invalid` whose message has one sentence
 * (a line of its own) for every wrong value: the setting, what was found, what is expected.
 */
export function readSettings(
  env: Environment = process.env,
  machine: Machine = { cores: availableParallelism() },
): Settings {
  const problems: string[] = []
  const values = Object.entries(SETTINGS).map(([key, row]) => {
    const found = env[row.name] || undefined
    const text = found ?? (typeof row.default === 'function' ? row.default(machine) : row.default)
    if (text === null) return [key, null]
    const parsed = row.schema.safeParse(text)
    if (!parsed.success) problems.push(describeWrong(row, text))
    return [key, parsed.data]
  })
  const settings = Object.fromEntries(values) as Settings
  if ((settings.apiEmail === null) !== (settings.apiKey === null)) {
    const [given, missing] = settings.apiEmail === null ? ['KEY', 'EMAIL'] : ['EMAIL', 'KEY']
    problems.push(`HEADWATER_API_${given} is set without HEADWATER_API_${missing}: expected both or neither.`)
  }
  if ((settings.rtmpsCert === null) !== (settings.rtmpsKey === null)) {
    const [given, missing] = settings.rtmpsCert === null ? ['KEY', 'CERT'] : ['CERT', 'KEY']
    problems.push(
      `HEADWATER_RTMPS_${given} is set without HEADWATER_RTMPS_${missing}: expected both or neither.`,
    )
  }
  if (settings.speechCommand !== null && settings.speechUrl !== null) {
    problems.push('HEADWATER_SPEECH_COMMAND and HEADWATER_SPEECH_URL are both set: expected one of them.')
  }
  for (const [name, { what, refused }] of Object.entries(NOT_BUILT_YET)) {
    if (refused && env[name]) problems.push(`${name} is set, but ${what}: unset it.`)
  }
  if (problems.length > 0) throw new HeadwaterError('setting_invalid', problems.join('\n'))
  return settings
}

function describeWrong(row: SettingRow, text: string): string {
  const found = row.secret ? `a value of ${text.length} characters` : JSON.stringify(text)
  return `${row.name} is ${found}, expected ${row.expects}.`
}

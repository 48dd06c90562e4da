/**
 * What strangers' bytes reach first, for `npm test` (a second each) and `npm run fuzz` (as long as wanted). Whatever
 * comes, a reader may only answer or throw a HeadwaterError that is not our own bug, and soon.
 *
 * Long because each target stands beside the good inputs that it damages.
 */

import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { BlockList, isIP } from 'node:net'
import { isAllowed } from '../../src/core/protection/access-rules.ts'
import { parseToken } from '../../src/core/protection/token.ts'
import { isFailure } from '../../src/lib/failure.ts'
import { readHost, refuseAddress, refuseName } from '../../src/lib/outgoing-address.ts'
import { cutVideoSegment } from '../../src/media/cmaf/cut-segment.ts'
import { writeVideoInit } from '../../src/media/cmaf/write-init.ts'
import { readAudioSpecificConfig } from '../../src/media/codecs/aac.ts'
import { readAvcConfig } from '../../src/media/codecs/avc.ts'
import { codecString } from '../../src/media/codecs/codec-string.ts'
import { readHevcConfig } from '../../src/media/codecs/hevc.ts'
import { formatIndex, parseIndex } from '../../src/media/isobmff/index-format.ts'
import { allowedCuts, presentationTimes, reorderDelay } from '../../src/media/isobmff/presentation.ts'
import { readDeclaredSeconds } from '../../src/media/isobmff/read-duration.ts'
import { readMovie } from '../../src/media/isobmff/read-movie.ts'
import { avc1Entry, box, concatBytes, mp4aEntry } from '../../src/media/isobmff/write-boxes.ts'
import { SNIFF_BYTES, sniff } from '../../src/media/sniff.ts'
import { seededRandom } from '../faults/seeded-random.ts'
import { signJwt, strangersKey } from '../harness/sign-token.ts'
import { bytesSource, type Samples } from '../media-samples.ts'
import { FOUR_SAMPLES, plainMovie } from '../plain-movie.ts'
import { codecTargets } from './codec-targets.ts'
import { recordingTarget } from './live-targets.ts'
import { mutate } from './mutate.ts'
import { mutateText } from './mutate-text.ts'
import { pngTarget } from './png-target.ts'
import { rtmpTargets } from './rtmp-targets.ts'
import { rtcTargets } from './rtc-targets.ts'
import { steadyTarget } from './steady-target.ts'
import { transportTargets } from './transport-targets.ts'
import { unitsTarget } from './units-target.ts'
import { webvttTarget } from './webvtt-target.ts'

export type FuzzTarget = {
  readonly name: string
  /** Good inputs to damage; with `samples`, real files too. */
  seeds(samples?: Samples): Promise<readonly Uint8Array[]>
  /** Throws what the reader threw. */
  run(bytes: Uint8Array): Promise<void>
  /** What a text of this format is made of; a target without them reads bytes. */
  readonly words?: readonly string[]
  /** Gives back what the first run opened. */
  close?(): Promise<void>
}

const hex = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'hex'))

/** `avcC` as x264 writes it for 25 pictures a second of 160 by 120: High, cropping, VUI, reordering by 2. */
export const AVC_CONFIG = hex(
  '0164000bffe100196764000bacd942847e5c0440000003004000000c83c50a658001000468ef8fcbfdf8f800',
)
/** `hvcC` as x265 writes it for Main 10, cut before its parameter sets. */
export const HEVC_CONFIG = hex('0102200000009000000000001ef000fcfdfafa000000')
/** AAC as ffmpeg writes it: LC stereo, 5.1 with the end marker, 6 and 3 channels by a program config element; HE-AAC. */
export const AAC_CONFIGS: readonly Uint8Array[] = [
  '1190',
  '123056e500',
  '1200050808002008840d4c61766335392e33372e31303056e500',
  '12000504010020000d4c61766335392e33372e31303056e500',
  'eb098800',
  '139056e5a0',
].map(hex)

const PLAIN = plainMovie([
  {
    ...FOUR_SAMPLES,
    entry: avc1Entry({ avcC: AVC_CONFIG, width: 160, height: 120 }),
    ctts: [
      [1, 1024],
      [2, -512],
    ],
    stss: [1, 3],
    edits: [
      [100, -1],
      [0, 1024],
    ],
  },
  {
    ...FOUR_SAMPLES,
    handler: 'soun',
    timescale: 48_000,
    entry: mp4aEntry({ asc: hex('1190'), channels: 2, sampleRate: 48_000, bitrate: 64_000 }),
    stco: [2000],
  },
])

/** An init and two segments of our own. */
async function fragmentedMovie(): Promise<Uint8Array> {
  const { init, segment } = await ownSegments()
  return concatBytes([init, ...segment(0), ...segment(2)])
}

async function ownSegments() {
  const movie = await readMovie(bytesSource(plainMovie([FOUR_SAMPLES])))
  const samples = movie.tracks[0]?.samples
  if (samples === undefined) throw new Error('The seed lost its track.')
  const sampleEntry = avc1Entry({ avcC: AVC_CONFIG, width: 160, height: 120 })
  const init = writeVideoInit({
    timescale: 12_800,
    sampleEntry,
    width: 160,
    height: 120,
    editStartTicks: 512,
  })
  const segment = (start: number): Uint8Array[] => {
    const startTicks = start * 512
    const times = Float64Array.from([startTicks, startTicks + 512])
    const range = { start, end: start + 2 }
    const options = { samples, range, times, startTicks, endTicks: startTicks + 1024, editStartTicks: 512 }
    return [cutVideoSegment({ ...options, sequence: start + 1 }).head, new Uint8Array(20)]
  }
  return { init, segment }
}

async function realFiles(samples: Samples | undefined): Promise<readonly Uint8Array[]> {
  if (samples === undefined) return []
  const names = ['faststart', 'fragmented', 'fragmentedBoth', 'mov', 'hevc', 'lateSound'] as const
  return await Promise.all(
    names.map(async (name) => new Uint8Array(await readFile(await samples.make(name)))),
  )
}

/** Hosts in every notation that a guard has to see through. */
const OUTGOING_HOSTS: readonly string[] = [
  'example.com.',
  'bücher.example',
  '127.0.0.1',
  '0x7f000001',
  '0177.0.0.1',
  '2130706433',
  '１２７.1',
  '%31%32%37.0.0.1',
  '[::ffff:7f00:1]',
  '64:ff9b::169.254.169.254',
  '2002:c0a8:101::1',
  'fd00:ec2::254',
  '2606:4700::1111',
  'a.localhost',
]

const STRICT = { allowPrivate: false }

/**
 * What the guard lets through must be what a connection would go to: a host that node's own reader of addresses takes
 * for one of this machine or a local network may not pass, in whatever notation.
 */
function checkHostGuard(text: string): void {
  const host = readHost(text)
  if (host === undefined) return
  if (host.kind === 'name') {
    if (isIP(host.name) !== 0) throw new Error(`${host.name} is an address, taken for a name.`)
    refuseName(host.name, STRICT)
    return
  }
  const { address } = host
  if (isIP(address) === 0) throw new Error(`${address} is no address.`)
  const again = readHost(address)
  if (again?.kind !== 'address' || again.address !== address) throw new Error(`${address} reads differently.`)
  const isLocal = LOCAL_ADDRESSES.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  if (isLocal && refuseAddress(address, STRICT) === undefined) throw new Error(`${address} got through.`)
}

/** Node's own idea of them, which also sees IPv4-mapped ones. */
const LOCAL_ADDRESSES = new BlockList()
for (const [network, prefix, family] of [
  ['127.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['0.0.0.0', 8, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 96, 'ipv6'],
  ['fc00::', 6, 'ipv6'],
  ['fe80::', 9, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
] as const) {
  LOCAL_ADDRESSES.addSubnet(network, prefix, family)
}

const SOME_UID = '0123456789abcdef0123456789abcdef'

const TOKEN_PAYLOADS: readonly string[] = [
  { sub: SOME_UID, kid: SOME_UID, exp: 1_795_197_600, nbf: '1795190000', downloadable: true },
  {
    sub: SOME_UID,
    exp: '1795197600',
    accessRules: [
      { type: 'ip.src', action: 'allow', ip: ['198.51.100.0/24', '2001:db8::/32', '::ffff:1.2.3.4/100'] },
      { type: 'ip.geoip.country', action: 'block', country: ['NO', 'fi'] },
      { type: 'any', action: 'allow' },
    ],
    flags: { original: true },
  },
].map((payload) => JSON.stringify(payload))

const TOKEN_WORDS: readonly string[] = [
  'null',
  'true',
  '[]',
  '{}',
  '""',
  '-1',
  '1e999',
  '"block"',
  '"any"',
  '"ip.src"',
  '"0.0.0.0/0"',
  '"::/0"',
  '"::ffff:0:0/96"',
  '"1.2.3.4/33"',
  '"__proto__":{},',
  '"sub":1,',
  '"accessRules":null,',
  '['.repeat(2_000),
]

type SignedToken = { readonly text: string; readonly key: KeyObject }
let goodToken: SignedToken | undefined

/** The same for all runs: a key takes a tenth of a second. */
function signedToken(): SignedToken {
  if (goodToken === undefined) {
    const key = strangersKey()
    const text = signJwt({ header: { kid: SOME_UID }, payload: TOKEN_PAYLOADS[0] ?? '', key })
    goodToken = { text, key: createPublicKey(key) }
  }
  return goodToken
}

/** Nothing but the token itself may pass for signed, not even another writing of the same bytes. */
function checkForgery(text: string): void {
  const good = signedToken()
  const { signedText, signature } = parseToken(text)
  if (!verify('RSA-SHA256', Buffer.from(signedText), good.key, signature)) return
  if (text !== good.text) throw new Error('A forged token passes for signed.')
}

function tokenOf(payload: string): string {
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  return `${encode(JSON.stringify({ alg: 'RS256', kid: SOME_UID }))}.${encode(payload)}.${'A'.repeat(342)}`
}

/** Whatever is read from a token has the form everything behind it relies on. */
function checkClaims(payload: string): void {
  const { kid, uid, expSeconds, nbfSeconds, rules } = parseToken(tokenOf(payload)).claims
  if (kid !== SOME_UID || !/^[0-9a-f]{32}$/.test(uid)) throw new Error('An id that is none.')
  if (!Number.isFinite(expSeconds) || Number.isNaN(nbfSeconds ?? 0)) throw new Error('A time that is none.')
  if (rules.length > 5) throw new Error(`${rules.length} rules.`)
  for (const address of ['198.51.100.7', '2001:db8::1', '::ffff:1.2.3.4', undefined]) {
    isAllowed(rules, { address, country: 'NO' })
  }
}

/** The readers of `media`, of tokens, and the guard of what is fetched. */
export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'read-movie',
    seeds: async (samples) => [PLAIN, await fragmentedMovie(), ...(await realFiles(samples))],
    run: async (bytes) => {
      const movie = await readMovie(bytesSource(bytes))
      for (const track of movie.tracks) {
        const times = presentationTimes(track)
        reorderDelay(times, allowedCuts(track.samples, times))
      }
      const again = parseIndex(formatIndex(movie))
      if (again.tracks.length !== movie.tracks.length) throw new Error('The index lost a track.')
      for (const track of movie.tracks) for (const entry of track.entries) codecString(entry)
    },
  },
  {
    name: 'read-duration',
    seeds: async (samples) => [
      PLAIN,
      plainMovie([{ ...FOUR_SAMPLES, duration: 75_000, edits: [[20_000, 0]] }]),
      concatBytes([box('mdat', new Uint8Array(50)), plainMovie([{ ...FOUR_SAMPLES, duration: 2_048 }])]),
      await fragmentedMovie(),
      ...(await realFiles(samples)),
    ],
    run: async (bytes) => {
      // An upload may end anywhere.
      for (const sizeBytes of [bytes.length, bytes.length >> 1, Math.max(bytes.length - 1, 0)]) {
        const seconds = await readDeclaredSeconds(bytesSource(bytes.subarray(0, sizeBytes)))
        if (seconds !== undefined && !(seconds > 0 && Number.isFinite(seconds)))
          throw new Error(`It lasts ${seconds} seconds.`)
      }
    },
  },
  {
    name: 'sniff',
    seeds: async (samples) => [PLAIN, ...(await realFiles(samples))],
    run: async (bytes) => {
      const found = sniff(bytes.subarray(0, SNIFF_BYTES))
      if (found.kind === 'refused' && found.found === '') throw new Error('Nothing was found.')
    },
  },
  {
    name: 'avc',
    seeds: async () => [AVC_CONFIG],
    run: async (bytes) => {
      const { width, height } = readAvcConfig(bytes)
      if (!(width > 0 && width < 2 ** 15 && height > 0 && height < 2 ** 16))
        throw new Error('An impossible size.')
    },
  },
  {
    name: 'hevc',
    seeds: async () => [HEVC_CONFIG],
    run: async (bytes) => {
      readHevcConfig(bytes)
    },
  },
  {
    name: 'aac',
    seeds: async () => AAC_CONFIGS,
    run: async (bytes) => {
      readAudioSpecificConfig(bytes)
    },
  },
  {
    name: 'outgoing-address',
    seeds: async () => OUTGOING_HOSTS.map((host) => new TextEncoder().encode(host)),
    run: async (bytes) => {
      checkHostGuard(new TextDecoder().decode(bytes))
    },
  },
  {
    name: 'token',
    words: ['.', '..', '=', 'eyJhbGciOiJub25lIn0', 'A', 'x'.repeat(9_000), '\0', '\xff'],
    seeds: async () => [new TextEncoder().encode(signedToken().text)],
    run: async (bytes) => {
      checkForgery(Buffer.from(bytes).toString('latin1'))
    },
  },
  {
    name: 'token-claims',
    words: TOKEN_WORDS,
    seeds: async () => TOKEN_PAYLOADS.map((payload) => new TextEncoder().encode(payload)),
    run: async (bytes) => {
      checkClaims(Buffer.from(bytes).toString('latin1'))
    },
  },
  webvttTarget,
  pngTarget,
  ...rtmpTargets,
  ...rtcTargets({ avcConfig: AVC_CONFIG }),
  ...transportTargets,
  steadyTarget,
  unitsTarget(AVC_CONFIG),
  recordingTarget(AVC_CONFIG),
  ...codecTargets({
    avcConfig: AVC_CONFIG,
    segment: async () => concatBytes((await ownSegments()).segment(2)),
  }),
  {
    name: 'index-format',
    seeds: async () => [formatIndex(await readMovie(bytesSource(PLAIN)))],
    run: async (bytes) => {
      parseIndex(bytes)
    },
  },
]

export type FuzzReport = {
  readonly target: string
  readonly runs: number
  readonly slowestMs: number
  /** Inputs that made anything but an answer or a failure of the input's own; the seed and run number make them again. */
  readonly failures: readonly { readonly run: number; readonly input: Uint8Array; readonly error: unknown }[]
}

/** Runs one target on damaged seeds for `ms` milliseconds and `leastRuns` times, stopping after ten failures. */
export async function fuzz(
  target: FuzzTarget,
  options: { seed: number; ms: number; leastRuns?: number; samples?: Samples },
): Promise<FuzzReport> {
  try {
    return await fuzzSeeds(target, options, await target.seeds(options.samples))
  } finally {
    await target.close?.()
  }
}

/** No input of these sizes may make a reader hold on to more. */
const MOST_GROWTH_BYTES = 256 * 1024 ** 2

function memoryInUse(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

async function fuzzSeeds(
  target: FuzzTarget,
  options: { seed: number; ms: number; leastRuns?: number },
  seeds: readonly Uint8Array[],
): Promise<FuzzReport> {
  const random = seededRandom(options.seed)
  const failures: { run: number; input: Uint8Array; error: unknown }[] = []
  const end = performance.now() + options.ms
  // However busy the machine is.
  const { leastRuns = 0 } = options
  let slowestMs = 0
  let runs = 0
  for (; (runs < leastRuns || performance.now() < end) && failures.length < 10; runs += 1) {
    const good = seeds[runs % seeds.length] ?? new Uint8Array(0)
    const input = target.words ? mutateText(good, random, target.words) : mutate(good, random)
    const started = performance.now()
    const before = memoryInUse()
    try {
      await target.run(input)
    } catch (error) {
      if (!isFailure(error) || error.kind === 'bug') failures.push({ run: runs, input, error })
    }
    slowestMs = Math.max(slowestMs, performance.now() - started)
    const grown = memoryInUse() - before
    if (grown > MOST_GROWTH_BYTES) {
      const error = new Error(`It took ${Math.round(grown / 1e6)} MB.`)
      failures.push({ run: runs, input, error })
    }
  }
  return { target: target.name, runs, slowestMs, failures }
}

/** The fuzz targets of what keeps strangers out: the guard of addresses that are fetched, and playback tokens. */

import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import { isAllowed } from '../../src/core/protection/access-rules.ts'
import { parseToken } from '../../src/core/protection/token.ts'
import { readHost, refuseAddress, refuseName } from '../../src/lib/outgoing-address.ts'
import { signJwt, strangersKey } from '../harness/sign-token.ts'
import type { FuzzTarget } from './fuzz.ts'

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

/** The targets. */
export const guardTargets: readonly FuzzTarget[] = [
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
]

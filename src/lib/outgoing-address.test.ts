import { describe, expect, test } from 'vitest'
import { readHost, refuseAddress, refuseName } from './outgoing-address.ts'

const STRICT = { allowPrivate: false }
const OPEN = { allowPrivate: true }

/** What a connection to a host in that notation would be refused for, as the fetcher asks it. */
function refuseHost(host: string, rules = STRICT): string | undefined {
  const read = readHost(host)
  if (read === undefined) return 'no host'
  return read.kind === 'address' ? refuseAddress(read.address, rules) : refuseName(read.name, rules)
}

describe('refused are', () => {
  test.each([
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['10.0.0.1', 'private'],
    ['10.255.255.255', 'private'],
    ['100.64.0.1', 'carrier-grade'],
    ['100.127.255.255', 'carrier-grade'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.192', 'reserved'],
    ['192.0.2.7', 'documentation'],
    ['192.88.99.1', '6to4'],
    ['192.168.0.1', 'private'],
    ['198.18.0.1', 'benchmarking'],
    ['198.19.255.255', 'benchmarking'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.9', 'documentation'],
    ['168.63.129.16', 'metadata'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback'],
    ['fc00::1', 'unique-local'],
    ['fdff:1::1', 'unique-local'],
    ['fd00:ec2::254', 'metadata'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
    ['2001:db8::1', 'documentation'],
    ['3fff:0fff::1', 'documentation'],
    ['2001:2::1', 'special-purpose'],
    // Teredo, whose client is hidden in its last bits.
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'special-purpose'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['::ffff:10.1.2.3', 'private'],
    ['::ffff:169.254.169.254', 'link-local'],
    // IPv4-compatible, IPv4-translated, local NAT64, segment routing, unassigned.
    ['::7f00:1', 'no public address'],
    ['::127.0.0.1', 'no public address'],
    ['::8.8.8.8', 'no public address'],
    ['::ffff:0:127.0.0.1', 'no public address'],
    ['64:ff9b:1::7f00:1', 'no public address'],
    ['5f00::1', 'no public address'],
    ['100::1', 'no public address'],
    ['4000::1', 'no public address'],
    ['64:ff9b::127.0.0.1', 'loopback'],
    ['64:ff9b::a9fe:a9fe', 'link-local'],
    ['2002:7f00:1::', 'loopback'],
    ['2002:c0a8:101::1', 'private'],
  ])('%s: %s', (address, what) => {
    expect(refuseAddress(address, STRICT)).toContain(what)
    expect(refuseHost(address)).toContain(what)
  })

  test.each([
    ['0x7f000001', 'loopback'],
    ['0X7F.1', 'loopback'],
    ['2130706433', 'loopback'],
    ['017700000001', 'loopback'],
    ['0177.0.0.1', 'loopback'],
    ['0177.0x0.0.01', 'loopback'],
    ['127.1', 'loopback'],
    ['127.0.1', 'loopback'],
    ['127.0.0.1.', 'loopback'],
    ['0', 'unspecified'],
    ['0x0', 'unspecified'],
    ['[::1]', 'loopback'],
    ['[::ffff:7f00:1]', 'loopback'],
    ['[0:0:0:0:0:ffff:127.0.0.1]', 'loopback'],
    ['[::FFFF:127.0.0.1]', 'loopback'],
    ['１２７.０.０.１', 'loopback'],
    ['①②⑦.0.0.1', 'loopback'],
    ['127。0。0。1', 'loopback'],
    ['%31%32%37.0.0.1', 'loopback'],
    ['2852039166', 'link-local'],
    ['0xa9fea9fe', 'link-local'],
    ['localhost', 'this machine'],
    ['LocalHost', 'this machine'],
    ['localhost.', 'this machine'],
    ['localhost...', 'this machine'],
    ['db.localhost', 'this machine'],
    ['ｌｏｃａｌｈｏｓｔ', 'this machine'],
  ])('the notation %s: %s', (host, what) => {
    expect(refuseHost(host)).toContain(what)
  })

  test.each([
    '',
    '.',
    '[]',
    '[::1',
    'a b',
    'a@127.0.0.1',
    'a/127.0.0.1',
    'a#b',
    'host:80',
    '256.256.256.256',
    '1.2.3.4.5',
    '0x100000000',
    'fe80::1%eth0',
    '[fe80::1%25eth0]',
    ':::',
    '1::2::3',
    '::ffff:127.0.0.256',
    'a\\b',
    '\u0000',
    'a%2fb',
  ])('what is no host: %j', (host) => {
    expect(readHost(host)).toBeUndefined()
  })

  test.each(['', 'example.com', '127.0.0.1.', '0x7f.1', '127.1', 'fe80::1%eth0', '1.2.3.4/8', '01.2.3.4'])(
    'what a resolver never says: %j',
    (address) => {
      expect(refuseAddress(address, OPEN)).toBe('no address that is understood')
    },
  )
})

describe('allowed are', () => {
  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '128.0.0.0',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700::1111',
    '2a00:1450:4001:81b::200e',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    '2002:808:808::1',
  ])('the public address %s', (address) => {
    expect(refuseHost(address)).toBeUndefined()
    expect(refuseHost(address, OPEN)).toBeUndefined()
  })

  test.each([
    ['Example.COM.', 'example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['a_b.example', 'a_b.example'],
    ['127.0.0.1.example.com', '127.0.0.1.example.com'],
    ['localhost.example.com', 'localhost.example.com'],
  ])('the name %s, which is %s', (host, name) => {
    expect(readHost(host)).toEqual({ kind: 'name', name })
    expect(refuseHost(host)).toBeUndefined()
  })
})

describe('with private addresses allowed', () => {
  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '192.168.1.1',
    '172.20.0.1',
    '100.64.0.1',
    '198.18.0.1',
    '::1',
    'fd12::1',
    'fec0::1',
    '::ffff:10.0.0.1',
    'localhost',
  ])('%s is fine', (host) => {
    expect(refuseHost(host, OPEN)).toBeUndefined()
  })

  test.each([
    '169.254.169.254',
    '100.100.100.200',
    'fd00:ec2::254',
    'fe80::1',
    '0.0.0.0',
    '::',
    '224.0.0.1',
    '255.255.255.255',
    '::ffff:169.254.169.254',
  ])('%s stays refused', (host) => {
    expect(refuseHost(host, OPEN)).toBeTypeOf('string')
  })
})

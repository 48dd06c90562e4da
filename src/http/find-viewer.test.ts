import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createFindViewer } from './find-viewer.ts'

const PROXY = '203.0.113.9'
const find = createFindViewer({ trustedProxies: [PROXY, '10.0.0.0/8'], countryHeader: 'cf-ipcountry' })

function request(remoteAddress: string | undefined, headers: Record<string, string> = {}): IncomingMessage {
  const incoming = new IncomingMessage(new Socket())
  Object.defineProperty(incoming.socket, 'remoteAddress', { value: remoteAddress })
  incoming.headers = headers
  return incoming
}

describe('the address of a viewer', () => {
  test.each<[string, string | undefined, string | undefined, string | undefined]>([
    ['is the peer’s', '192.0.2.1', undefined, '192.0.2.1'],
    ['is the peer’s where no trusted proxy says otherwise', '192.0.2.1', '198.51.100.1', '192.0.2.1'],
    ['is what a trusted proxy says', PROXY, '198.51.100.1', '198.51.100.1'],
    ['is what a trusted proxy says over IPv6', `::ffff:${PROXY}`, '2001:db8::1', '2001:db8::1'],
    ['is the last of several', PROXY, '198.51.100.1, 198.51.100.2', '198.51.100.2'],
    ['is the last that is no proxy', PROXY, '198.51.100.1, 198.51.100.2, 10.1.2.3,10.1.2.4', '198.51.100.2'],
    ['is the first where all are proxies', PROXY, '10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ['is the proxy’s own where it says nothing', PROXY, undefined, PROXY],
    ['is the proxy’s own where it says nothing of use', PROXY, ' , ', PROXY],
    ['may have a port', PROXY, '198.51.100.1:4711', '198.51.100.1'],
    ['may have brackets', PROXY, '[2001:db8::1]', '2001:db8::1'],
    ['may have brackets and a port', PROXY, '[2001:db8::1]:4711', '2001:db8::1'],
    ['is unknown where it is hidden', PROXY, '198.51.100.1, _hidden', undefined],
    ['is without its zone', 'fe80::1%eth0', undefined, 'fe80::1'],
    ['is unknown when the peer has gone', undefined, undefined, undefined],
  ])('%s', (_name, peer, forwarded, address) => {
    const headers = forwarded === undefined ? undefined : { 'x-forwarded-for': forwarded }
    expect(find(request(peer, headers)).address).toBe(address)
  })

  test('is the peer’s where no proxy is trusted', () => {
    const findBare = createFindViewer({ trustedProxies: null, countryHeader: 'cf-ipcountry' })
    const headers = { 'x-forwarded-for': '198.51.100.1', 'cf-ipcountry': 'NO' }
    expect(findBare(request(PROXY, headers))).toEqual({ address: PROXY, country: undefined })
  })
})

describe('the country of a viewer', () => {
  test.each<[string, string, string | undefined]>([
    [PROXY, 'NO', 'NO'],
    [PROXY, ' no ', 'NO'],
    [PROXY, 'XX', undefined],
    [PROXY, 'T1', undefined],
    [PROXY, '', undefined],
    [PROXY, 'Norway', undefined],
    ['192.0.2.1', 'NO', undefined],
  ])('from %s, who says %j, is %s', (peer, said, country) => {
    expect(find(request(peer, { 'cf-ipcountry': said })).country).toBe(country)
  })

  test('comes from the header that the setting names', () => {
    const findOther = createFindViewer({ trustedProxies: [PROXY], countryHeader: 'x-country' })
    expect(findOther(request(PROXY, { 'x-country': 'SE', 'cf-ipcountry': 'NO' })).country).toBe('SE')
  })
})

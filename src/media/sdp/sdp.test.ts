import { describe, expect, test } from 'vitest'
import { AV1_LINES, FRAGMENT, offer, VP8_LINES } from '../../../tests/live/sdp-samples.ts'
import type { LiveFormat } from '../live/units.ts'
import { choosePlayed, choosePublished } from './choose-codecs.ts'
import { answerPlayed, answerPublished, offerPlayed } from './own-codecs.ts'
import { readSdp, readSdpFragment } from './read-sdp.ts'
import { writeSdp } from './write-sdp.ts'

const TRANSPORT = {
  ufrag: 'abcd1234',
  password: 'x'.repeat(24),
  fingerprint: `sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`,
  setup: 'active',
  addresses: [
    { address: '203.0.113.7', port: 8779 },
    { address: '127.0.0.1', port: 8779 },
  ],
} as const
const STREAMS = { video: { ssrc: 7, cname: 'us' }, audio: { ssrc: 8, cname: 'us' } }
const AVC: LiveFormat = {
  kind: 'video',
  codec: 'avc',
  config: Uint8Array.of(1, 0x64, 0, 0x1f, 0xff),
  width: 320,
  height: 180,
}
const OPUS: LiveFormat = {
  kind: 'audio',
  codec: 'opus',
  config: new Uint8Array(0),
  sampleRate: 48_000,
  channels: 2,
}

describe("a publisher's offer", () => {
  test('is answered by H.264 of Constrained Baseline in fragments, and Opus; what is not taken is refused', () => {
    const agreement = choosePublished(readSdp(offer()))
    expect([agreement.video?.codec.payloadType, agreement.audio?.codec.payloadType]).toEqual([108, 111])
    expect(agreement.far).toMatchObject({ ufrag: '0iuN', role: 'client' })
    const sections = agreement.sections.map(answerPublished)
    const answer = writeSdp({ sessionId: '1', sections, transport: TRANSPORT, streams: STREAMS })
    expect(answer).toContain('a=group:BUNDLE 0 1\r\n')
    expect(answer).toContain('m=video 8779 UDP/TLS/RTP/SAVPF 108\r\n')
    expect(answer).toContain(
      'a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e034\r\n',
    )
    expect(answer).toContain('m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n')
    expect(answer).not.toContain('transport-cc')
    // What we write, we can read.
    expect(readSdp(answer).media.map(({ direction, mid }) => [mid, direction])).toEqual([
      ['0', 'recvonly'],
      ['1', 'recvonly'],
      ['2', 'inactive'],
    ])
  })

  test.each([
    ['of VP8 only takes VP8', offer({ video: VP8_LINES }), ['VP8', 'OPUS']],
    ['of AV1 and VP8 takes VP8', offer({ video: [...AV1_LINES, ...VP8_LINES] }), ['VP8', 'OPUS']],
    [
      'of pictures that are not sent takes the sound',
      offer({ video: AV1_LINES }).replace('a=sendonly', 'a=inactive'),
      [undefined, 'OPUS'],
    ],
    ['with line feeds only is read', offer().replaceAll('\r\n', '\n'), ['H264', 'OPUS']],
  ])('%s', (_name, text, expected) => {
    const { video, audio } = choosePublished(readSdp(text))
    expect([video?.codec.name, audio?.codec.name]).toEqual(expected)
  })

  test.each([
    ['sends nothing', offer({ direction: 'recvonly' }), /sends neither/],
    ['has pictures in AV1 only', offer({ video: AV1_LINES }), /H\.264 or VP8; the offer has AV1\./],
    [
      'has pictures in VP9 and AV1',
      offer({ video: ['a=rtpmap:98 VP9/90000', 'a=rtpmap:99 rtx/90000', ...AV1_LINES] }),
      /the offer has VP9, AV1\./,
    ],
    ['has sections apart', offer({ bundle: false }), /BUNDLE/],
    ['has no certificate', offer().replaceAll(/a=fingerprint.*\r\n/g, ''), /a=fingerprint is missing/],
    ['has no ICE', offer().replaceAll(/a=ice-ufrag.*\r\n/g, ''), /a=ice-ufrag/],
    ['does not join RTCP', offer().replaceAll('a=rtcp-mux\r\n', ''), /a=rtcp-mux is missing/],
    ['has no encryption', offer().replaceAll('UDP/TLS/RTP/SAVPF', 'RTP/AVP'), /RTP\/AVP is not/],
  ])('that %s cannot be answered', (_name, text, message) => {
    expect(() => choosePublished(readSdp(text))).toThrow(
      expect.objectContaining({ code: 'sdp_not_acceptable', message: expect.stringMatching(message) }),
    )
  })
})

describe("a viewer's offer", () => {
  test('takes what is published in its own words, and is told who sends it', () => {
    const agreement = choosePlayed(readSdp(offer({ direction: 'recvonly' })), [AVC, OPUS])
    expect(agreement.video?.codec.payloadType).toBe(108)
    const sections = agreement.sections.map(answerPlayed)
    const answer = writeSdp({ sessionId: '1', sections, transport: TRANSPORT, streams: STREAMS })
    expect(answer).toContain('a=sendonly\r\n')
    expect(answer).toContain('a=ssrc:7 cname:us\r\n')
    expect(answer).toContain('profile-level-id=42e01f\r\n')
  })

  test('without the sound that is not published has one section refused', () => {
    const agreement = choosePlayed(readSdp(offer({ direction: 'recvonly' })), [AVC])
    expect(agreement.audio).toBeNull()
    expect(agreement.sections.map(({ codec }) => codec?.name)).toEqual(['H264', undefined, undefined])
  })

  test('without the codec of the pictures is told which one', () => {
    const text = offer({ direction: 'recvonly', video: VP8_LINES })
    expect(() => choosePlayed(readSdp(text), [AVC, OPUS])).toThrow(/pictures are H.264/)
  })

  test('may be ours: what we offer is read as it was meant', () => {
    const sections = offerPlayed([AVC, OPUS])
    const transport = { ...TRANSPORT, setup: 'actpass' as const }
    const text = writeSdp({ sessionId: '1', sections, transport, streams: STREAMS })
    const asAnswer = readSdp(text.replaceAll('a=sendonly', 'a=recvonly').replaceAll('actpass', 'active'))
    const { video, audio, far } = choosePlayed(asAnswer, [AVC, OPUS])
    expect([video?.codec.name, audio?.codec.name, far.role]).toEqual(['H264', 'OPUS', 'server'])
  })
})

describe('what is malformed', () => {
  test.each([
    ['nothing', '', /it is empty/],
    ['prose', 'hello', /line 1 is not of the form/],
    ['another order', 's=-\r\nv=0\r\n', /line 1 must begin with v=/],
    ['another version', offer().replace('v=0', 'v=1'), /version/],
    ['no media', 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\n', /no media section/],
    ['many sections', `${offer()}${'m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n'.repeat(20)}`, /more than 16 media/],
    ['many candidates', `${offer()}${'a=candidate:1\r\n'.repeat(200)}`, /more than 128 candidates/],
    ['many lines', `${offer()}${'a=x\r\n'.repeat(3_000)}`, /more than 2000 lines/],
    ['a long line', `${offer()}a=${'x'.repeat(5_000)}`, /longer than 4096/],
    ['much', `${offer()}${'a=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n'.repeat(2_500)}`, /longer than 65536/],
    ['a name that is none', offer().replaceAll('a=mid:0', 'a=mid:<b>'), /no token/],
    ['the same name twice', offer().replace('a=mid:1', 'a=mid:0'), /the same name/],
    ['a weak password', offer().replaceAll(/a=ice-pwd:.*/g, 'a=ice-pwd:short'), /22 to 256/],
    ['an odd digest', offer().replaceAll(/a=fingerprint:.*/g, 'a=fingerprint:md5 AB'), /sha-256/],
    ['a broken codec', offer().replace('a=rtpmap:96 VP8/90000', 'a=rtpmap:96 VP8'), /is not <type>/],
  ])('%s', (_name, text, message) => {
    expect(() => readSdp(text)).toThrow(
      expect.objectContaining({ code: 'sdp_unreadable', message: expect.stringMatching(message) }),
    )
  })

  test('a fragment', () => {
    expect(readSdpFragment(FRAGMENT)).toMatchObject({ ufrag: '0iuN', candidates: 1 })
    expect(() => readSdpFragment('a=candidate:1\r\n')).toThrow(/a=ice-ufrag and a=ice-pwd/)
    expect(() => readSdpFragment(offer())).toThrow(/may not begin with v=/)
  })
})

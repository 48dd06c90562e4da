/** Descriptions as browsers write them, shortened to what matters. */

const FINGERPRINT = `sha-256 ${Array.from({ length: 32 }, (_each, index) => (index + 160).toString(16).toUpperCase()).join(':')}`

type Wishes = {
  readonly direction?: 'sendonly' | 'recvonly' | 'sendrecv' | 'inactive'
  /** Lines of the video section, e.g. without H.264. */
  readonly video?: readonly string[]
  readonly bundle?: boolean
}

const H264_LINES = [
  'a=rtpmap:102 H264/90000',
  'a=rtcp-fb:102 goog-remb',
  'a=rtcp-fb:102 transport-cc',
  'a=rtcp-fb:102 ccm fir',
  'a=rtcp-fb:102 nack',
  'a=rtcp-fb:102 nack pli',
  'a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f',
  'a=rtpmap:104 H264/90000',
  'a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f',
  'a=rtpmap:108 H264/90000',
  'a=rtcp-fb:108 nack',
  'a=rtcp-fb:108 nack pli',
  'a=rtcp-fb:108 transport-cc',
  'a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
  'a=rtpmap:116 H264/90000',
  'a=fmtp:116 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f',
]
/** Video in VP8 only. */
export const VP8_LINES: readonly string[] = [
  'a=rtpmap:96 VP8/90000',
  'a=rtcp-fb:96 goog-remb',
  'a=rtcp-fb:96 nack',
  'a=rtcp-fb:96 nack pli',
  'a=rtpmap:97 rtx/90000',
  'a=fmtp:97 apt=96',
]
/** What nobody takes. */
export const AV1_LINES: readonly string[] = [
  'a=rtpmap:45 AV1/90000',
  'a=fmtp:45 level-idx=5;profile=0;tier=0',
]

/** An offer of picture, sound and a data channel, of one transport. */
export function offer({ direction = 'sendonly', video, bundle = true }: Wishes = {}): string {
  const lines = video ?? [...VP8_LINES, ...H264_LINES]
  const types = lines.flatMap((line) => /^a=rtpmap:(\d+)/.exec(line)?.[1] ?? [])
  const transport = [
    'c=IN IP4 0.0.0.0',
    'a=candidate:1 1 udp 2113937151 25fb45bb-b172-4caf-9992-54709734afc2.local 46382 typ host generation 0',
    'a=ice-ufrag:0iuN',
    'a=ice-pwd:PTdr5cSrspiz7QNVF1yNmmx6',
    'a=ice-options:trickle',
    `a=fingerprint:${FINGERPRINT}`,
    'a=setup:actpass',
  ]
  return [
    'v=0',
    'o=- 460260456206986810 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    ...(bundle ? ['a=group:BUNDLE 0 1 2'] : []),
    'a=extmap-allow-mixed',
    'a=msid-semantic: WMS',
    `m=video 9 UDP/TLS/RTP/SAVPF ${types.join(' ')}`,
    ...transport,
    'a=mid:0',
    'a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
    `a=${direction}`,
    'a=rtcp-mux',
    'a=rtcp-rsize',
    ...lines,
    'a=ssrc-group:FID 3861439939 3647736321',
    'a=ssrc:3861439939 cname:gaxBIZh5ilZT0eYl',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 63',
    ...transport,
    'a=mid:1',
    `a=${direction}`,
    'a=rtcp-mux',
    'a=rtpmap:111 opus/48000/2',
    'a=rtcp-fb:111 transport-cc',
    'a=fmtp:111 minptime=10;useinbandfec=1',
    'a=rtpmap:63 red/48000/2',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    ...transport,
    'a=mid:2',
    'a=sctp-port:5000',
    '',
  ].join('\r\n')
}

/** A fragment of that offer's ICE (RFC 8840). */
export const FRAGMENT: string = [
  'a=ice-ufrag:0iuN',
  'a=ice-pwd:PTdr5cSrspiz7QNVF1yNmmx6',
  'm=video 9 UDP/TLS/RTP/SAVPF 0',
  'a=mid:0',
  'a=candidate:1 1 udp 2113937151 192.0.2.7 46382 typ host',
  'a=end-of-candidates',
  '',
].join('\r\n')

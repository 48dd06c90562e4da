/** How codecs stand in what we write: what we ask of a publisher, and what we offer a viewer. */

import type { LiveFormat } from '../live/units.ts'
import type { AnsweredSection } from './choose-codecs.ts'
import type { SdpCodec } from './session-description.ts'

/** What of RTCP's feedback we use. `transport-cc` is not among it: what sends then waits for reports that we do not make. */
const FEEDBACK = ['nack', 'nack pli', 'ccm fir', 'goog-remb']

/** A section of a publisher's offer, answered. */
export function answerPublished(section: AnsweredSection): AnsweredSection {
  const { codec } = section
  if (codec === null) return section
  const feedback = codec.feedback.filter((what) => FEEDBACK.includes(what))
  return { ...section, codec: { ...codec, feedback, parameters: askedParameters(codec) } }
}

/** A section of a viewer's offer, answered: in its own words. */
export function answerPlayed(section: AnsweredSection): AnsweredSection {
  const { codec } = section
  if (codec === null) return section
  return {
    ...section,
    codec: { ...codec, feedback: codec.feedback.filter((what) => FEEDBACK.includes(what)) },
  }
}

/** Level 5.2: we decode nothing, so any size will do. */
const ANY_LEVEL = '34'

function askedParameters(codec: SdpCodec): Record<string, string> {
  if (codec.name === 'OPUS') {
    // RFC 7587 §6.1: both channels where there are two, and what mends a lost packet; no silence instead of packets.
    return { minptime: '10', stereo: '1', useinbandfec: '1', usedtx: '0' }
  }
  if (codec.name !== 'H264') return {}
  const profile = codec.parameters['profile-level-id'] ?? '42000a'
  const isFree = codec.parameters['level-asymmetry-allowed'] === '1'
  return {
    'level-asymmetry-allowed': isFree ? '1' : '0',
    'packetization-mode': codec.parameters['packetization-mode'] ?? '0',
    // RFC 6184 §8.2.2: only the level may differ, and only where both say so.
    'profile-level-id': isFree ? `${profile.slice(0, 4)}${ANY_LEVEL}` : profile,
  }
}

const RTP_OVER_DTLS = 'UDP/TLS/RTP/SAVPF'

/** The sections of our own offer to a viewer who asked for one. */
export function offerPlayed(formats: readonly LiveFormat[]): AnsweredSection[] {
  return formats.map((format, index) => {
    const codec = format.kind === 'audio' ? OPUS : format.codec === 'vp8' ? VP8 : h264(format.config)
    return {
      media: {
        kind: format.kind,
        protocol: RTP_OVER_DTLS,
        formats: [String(codec.payloadType)],
        mid: String(index),
      },
      codec,
      direction: 'sendonly',
    }
  })
}

const OPUS: SdpCodec = {
  payloadType: 111,
  name: 'OPUS',
  clockRate: 48_000,
  channels: 2,
  parameters: { minptime: '10', stereo: '1', 'sprop-stereo': '1', useinbandfec: '1' },
  feedback: [],
}

const PICTURES = { payloadType: 96, clockRate: 90_000, channels: 1, feedback: ['nack', 'nack pli'] }

const VP8: SdpCodec = { ...PICTURES, name: 'VP8', parameters: {} }

function h264(config: Uint8Array): SdpCodec {
  const profile = Buffer.from(config.subarray(1, 4)).toString('hex')
  return {
    ...PICTURES,
    name: 'H264',
    parameters: {
      'level-asymmetry-allowed': '1',
      'packetization-mode': '1',
      // Viewers refuse profiles by name that they decode without trouble; Constrained Baseline is what all have.
      'profile-level-id': profile.startsWith('42') ? profile : '42e01f',
    },
  }
}

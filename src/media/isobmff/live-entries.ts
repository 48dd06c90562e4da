/** Sample entries of what only live broadcasts carry: Opus and VP8. We hand them to our own decoder, never to players. */

import { box, fullBox } from './write-boxes.ts'

/** "Encapsulation of Opus in ISO Base Media File Format" §4.3: a stream without a start to be left out. */
export function opusEntry(fields: { channels: number }): Uint8Array {
  const bytes = new Uint8Array(28)
  const view = new DataView(bytes.buffer)
  // The first of one file (§4.3.1: 16 bits a sample and 48,000 of them a second, whatever the packets hold).
  view.setUint16(6, 1)
  view.setUint16(16, fields.channels)
  view.setUint16(18, 16)
  view.setUint32(24, 48_000 * 65_536)
  const dops = new Uint8Array(11)
  const record = new DataView(dops.buffer)
  record.setUint8(1, fields.channels)
  record.setUint32(4, 48_000)
  // Version, samples to skip, gain and mapping family (mono or stereo) are 0.
  return box('Opus', bytes, box('dOps', dops))
}

/** "VP Codec ISO Media File Format Binding" §2: VP8, eight bits, 4:2:0, colours not told. */
export function vp8Entry(fields: { width: number; height: number }): Uint8Array {
  const bytes = new Uint8Array(78)
  const view = new DataView(bytes.buffer)
  view.setUint16(6, 1)
  view.setUint16(24, fields.width)
  view.setUint16(26, fields.height)
  // 72 dpi, one picture per sample, 24 bits deep, as every visual sample entry says (ISO/IEC 14496-12 §12.1.3).
  view.setUint32(28, 0x00480000)
  view.setUint32(32, 0x00480000)
  view.setUint16(40, 1)
  view.setUint16(74, 0x0018)
  view.setUint16(76, 0xffff)
  // Profile 0, level not told, depth 8 and chroma 4:2:0 beside each other, three times "unspecified", nothing more.
  const config = Uint8Array.of(0, 0, (8 << 4) | (1 << 1), 2, 2, 2, 0, 0)
  return box('vp08', bytes, fullBox('vpcC', 1, 0, config))
}

/** An independent reader of init and media segments: it shares nothing with `src/media`, so that both cannot be wrong alike. */

type Box = { readonly type: string; readonly body: Buffer }

export type InitFacts = {
  readonly brands: readonly string[]
  readonly trackIds: readonly number[]
  readonly timescale: number
  readonly matrix: readonly number[]
  /** `[segmentDuration, mediaTime, rate]` of each entry; null without an edit list. */
  readonly edits: readonly (readonly [number, number, number])[] | null
  readonly fourcc: string
  /** Payload of `avcC`. */
  readonly avcC: Buffer | undefined
  /** Width and height of `tkhd`. */
  readonly size: readonly [number, number]
  /** The four defaults of `trex`. */
  readonly trex: readonly number[]
  readonly hasMehd: boolean
}

export type SegmentSample = {
  readonly duration: number
  readonly size: number
  readonly flags: number
  readonly compositionOffset: number
}

export type SegmentFacts = {
  readonly boxes: readonly string[]
  readonly brands: readonly string[]
  readonly trackId: number
  readonly tfhdFlags: number
  readonly tfdtVersion: number
  readonly tfdt: number
  readonly trunVersion: number
  readonly trunFlags: number
  /** From the first byte of `moof` to the first sample. */
  readonly dataOffset: number
  readonly moofBytes: number
  readonly mdatBytes: number
  readonly samples: readonly SegmentSample[]
}

/** Reads an init segment. */
export function readInit(bytes: Buffer): InitFacts {
  const top = readBoxes(bytes)
  const moov = readBoxes(find(top, 'moov').body)
  const trak = readBoxes(find(moov, 'trak').body)
  const tkhd = find(trak, 'tkhd').body
  const mdia = readBoxes(find(trak, 'mdia').body)
  const stbl = readBoxes(find(readBoxes(find(mdia, 'minf').body), 'stbl').body)
  const entry = readBoxes(find(stbl, 'stsd').body.subarray(8))[0]
  const mvex = readBoxes(find(moov, 'mvex').body)
  const edts = trak.find((box) => box.type === 'edts')
  const isVideo = entry?.type.startsWith('avc') === true
  return {
    brands: brandsOf(find(top, 'ftyp').body),
    trackIds: moov.filter((box) => box.type === 'trak').map(() => tkhd.readUInt32BE(tkhd[0] === 1 ? 20 : 12)),
    timescale: find(mdia, 'mdhd').body.readUInt32BE(find(mdia, 'mdhd').body[0] === 1 ? 20 : 12),
    matrix: Array.from({ length: 9 }, (_, cell) => tkhd.readInt32BE((tkhd[0] === 1 ? 52 : 40) + cell * 4)),
    edits: edts === undefined ? null : readEdits(find(readBoxes(edts.body), 'elst').body),
    fourcc: entry?.type ?? '',
    avcC: isVideo ? readBoxes(entry.body.subarray(78)).find((box) => box.type === 'avcC')?.body : undefined,
    size: [tkhd.readUInt32BE(tkhd.length - 8) / 65_536, tkhd.readUInt32BE(tkhd.length - 4) / 65_536],
    trex: Array.from({ length: 4 }, (_, field) => find(mvex, 'trex').body.readUInt32BE(8 + field * 4)),
    hasMehd: mvex.some((box) => box.type === 'mehd'),
  }
}

/** Reads a media segment of one fragment with one run. */
export function readSegment(bytes: Buffer): SegmentFacts {
  const top = readBoxes(bytes)
  const moof = find(top, 'moof')
  const traf = readBoxes(find(readBoxes(moof.body), 'traf').body)
  const tfhd = find(traf, 'tfhd').body
  const tfdt = find(traf, 'tfdt').body
  const trun = find(traf, 'trun').body
  const trunFlags = trun.readUInt32BE(0) & 0xffffff
  const count = trun.readUInt32BE(4)
  const samples: SegmentSample[] = []
  for (let sample = 0, at = 12; sample < count; sample += 1, at += 16) {
    samples.push({
      duration: trun.readUInt32BE(at),
      size: trun.readUInt32BE(at + 4),
      flags: trun.readUInt32BE(at + 8),
      compositionOffset: trun[0] === 0 ? trun.readUInt32BE(at + 12) : trun.readInt32BE(at + 12),
    })
  }
  return {
    boxes: top.map((box) => box.type),
    brands: brandsOf(find(top, 'styp').body),
    trackId: tfhd.readUInt32BE(4),
    tfhdFlags: tfhd.readUInt32BE(0) & 0xffffff,
    tfdtVersion: tfdt[0] ?? -1,
    tfdt: tfdt[0] === 1 ? Number(tfdt.readBigUInt64BE(4)) : tfdt.readUInt32BE(4),
    trunVersion: trun[0] ?? -1,
    trunFlags,
    dataOffset: trun.readInt32BE(8),
    moofBytes: moof.body.length + 8,
    mdatBytes: find(top, 'mdat').body.length,
    samples,
  }
}

function readBoxes(bytes: Buffer): Box[] {
  const boxes: Box[] = []
  for (let at = 0; at < bytes.length; ) {
    const short = bytes.readUInt32BE(at)
    const header = short === 1 ? 16 : 8
    const size = short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short
    if (size < header || at + size > bytes.length)
      throw new Error(`a box of ${size} bytes does not fit at ${at}`)
    boxes.push({
      type: bytes.toString('latin1', at + 4, at + 8),
      body: bytes.subarray(at + header, at + size),
    })
    at += size
  }
  return boxes
}

function find(boxes: readonly Box[], type: string): Box {
  const found = boxes.filter((box) => box.type === type)
  if (found.length !== 1 || found[0] === undefined)
    throw new Error(`expected one ${type}, found ${found.length}`)
  return found[0]
}

function brandsOf(body: Buffer): string[] {
  const brands = [body.toString('latin1', 0, 4)]
  for (let at = 8; at < body.length; at += 4) brands.push(body.toString('latin1', at, at + 4))
  return brands
}

function readEdits(elst: Buffer): (readonly [number, number, number])[] {
  const wide = elst[0] === 1
  return Array.from({ length: elst.readUInt32BE(4) }, (_, entry) => {
    const at = 8 + entry * (wide ? 20 : 12)
    return wide
      ? [
          Number(elst.readBigUInt64BE(at)),
          Number(elst.readBigInt64BE(at + 8)),
          elst.readInt32BE(at + 16) / 65_536,
        ]
      : [elst.readUInt32BE(at), elst.readInt32BE(at + 4), elst.readInt32BE(at + 8) / 65_536]
  })
}

/** An independent reader of the few things of an MPD that the packaging rules speak of: by pattern, without a parser. */

export type ReadRepresentation = {
  readonly timescale: number
  readonly presentationTimeOffset: number
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  readonly channels: number | undefined
}

export type ReadMpd = {
  readonly durationSeconds: number
  readonly adaptationSets: readonly Readonly<Record<string, string | undefined>>[]
  representation(id: string): ReadRepresentation
}

/** Reads an MPD. */
export function readMpd(text: string): ReadMpd {
  const sets = [...text.matchAll(/<AdaptationSet ([^>]*)>/g)].map((match) => attributes(match[1] ?? ''))
  const representations = new Map(
    [...text.matchAll(/<Representation ([^>]*)>([\s\S]*?)<\/Representation>/g)].map((match) => [
      attributes(match[1] ?? '').id,
      readRepresentation(match[2] ?? ''),
    ]),
  )
  return {
    durationSeconds: Number(/mediaPresentationDuration="PT([\d.]+)S"/.exec(text)?.[1]),
    adaptationSets: sets.map(({ contentType, segmentAlignment, startWithSAP }) => ({
      contentType,
      segmentAlignment,
      startWithSAP,
    })),
    representation: (id) => {
      const found = representations.get(id)
      if (!found) throw new Error(`the MPD has no representation ${id}`)
      return found
    },
  }
}

function readRepresentation(inside: string): ReadRepresentation {
  const template = attributes(/<SegmentTemplate ([^>]*)>/.exec(inside)?.[1] ?? '')
  const starts: number[] = []
  const ends: number[] = []
  let time = 0
  for (const [, written = ''] of inside.matchAll(/<S ([^>]*)\/>/g)) {
    const { t, d, r = '0' } = attributes(written)
    time = t === undefined ? time : Number(t)
    for (let repeat = 0; repeat <= Number(r); repeat += 1) {
      starts.push(time)
      time += Number(d)
      ends.push(time)
    }
  }
  const channels = attributes(/<AudioChannelConfiguration ([^>]*)\/>/.exec(inside)?.[1] ?? '').value
  return {
    timescale: Number(template.timescale),
    presentationTimeOffset: Number(template.presentationTimeOffset),
    starts,
    ends,
    channels: channels === undefined ? undefined : Number(channels),
  }
}

function attributes(text: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries([...text.matchAll(/([\w:]+)="([^"]*)"/g)].map((match) => [match[1], match[2]]))
}

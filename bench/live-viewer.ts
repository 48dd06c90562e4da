/** A viewer with low latency that decodes nothing: it waits for each part, fetches it, and notices when one is missing. */

/** What one viewer has seen. */
export type Seen = {
  readonly parts: number
  readonly bytes: number
  /** Parts that were never listed, or not to be had. */
  readonly dropped: number
}

/** Watches every track of the first variant until `signal`. Throws when the broadcast cannot be found. */
export async function watchParts(url: string, inputUid: string, signal: AbortSignal): Promise<Seen> {
  const main = new URL(`${url}/${inputUid}/manifest/video.m3u8?protocol=llhls`)
  const text = await (await fetch(main)).text()
  const lines = text.split('\n')
  const variant = lines.find((line) => line !== '' && !line.startsWith('#'))
  const sound = /#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"/.exec(text)?.[1]
  if (variant === undefined) throw new Error(`The manifest names no variant: ${text.slice(0, 200)}`)
  const tracks = [variant, ...(sound === undefined ? [] : [sound])]
  const seen = await Promise.all(tracks.map((track) => watchTrack(new URL(track, main), signal)))
  const sum = (of: (each: Seen) => number): number => seen.reduce((total, each) => total + of(each), 0)
  return {
    parts: sum(({ parts }) => parts),
    bytes: sum(({ bytes }) => bytes),
    dropped: sum(({ dropped }) => dropped),
  }
}

async function watchTrack(playlist: URL, signal: AbortSignal): Promise<Seen> {
  let [parts, bytes, dropped] = [0, 0, 0]
  let next: Place | null = null
  while (!signal.aborted) {
    const asked = new URL(playlist)
    if (next !== null) {
      asked.searchParams.set('_HLS_msn', String(next.segment))
      asked.searchParams.set('_HLS_part', String(next.part))
    }
    const answer = await fetch(asked)
    const text = await answer.text()
    if (answer.status !== 200) {
      if (!signal.aborted) dropped += 1
      continue
    }
    const { listed, edge } = readParts(text)
    // The first time only the place to begin at is of interest.
    const from: Place = next ?? edge
    for (const part of listed) {
      if (isBefore(part, from)) continue
      const fetched = await fetch(new URL(part.uri, playlist))
      const body = await fetched.arrayBuffer()
      if (fetched.status === 200) parts += 1
      else dropped += 1
      bytes += body.byteLength
    }
    const first = listed.find((part) => !isBefore(part, from))
    if (next !== null && first !== undefined && first.segment === next.segment)
      dropped += first.part - next.part
    next = edge
  }
  return { parts, bytes, dropped }
}

type Place = { readonly segment: number; readonly part: number }

function isBefore(one: Place, other: Place): boolean {
  return one.segment < other.segment || (one.segment === other.segment && one.part < other.part)
}

/** Parts of a media playlist with their places, and the place of the one that comes next. */
function readParts(text: string): { listed: readonly (Place & { uri: string })[]; edge: Place } {
  let segment = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/m.exec(text)?.[1] ?? 0)
  let part = 0
  const listed: (Place & { uri: string })[] = []
  for (const line of text.split('\n')) {
    const uri = /^#EXT-X-PART:.*URI="([^"]+)"/.exec(line)?.[1]
    if (uri !== undefined) {
      listed.push({ segment, part, uri })
      part += 1
    } else if (line !== '' && !line.startsWith('#')) {
      segment += 1
      part = 0
    }
  }
  return { listed, edge: { segment, part } }
}

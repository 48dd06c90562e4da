import type { ApiVideo } from '../api/videos.ts'
import { formatBytes, formatDateTime, formatDuration } from '../format.ts'
import { Facts } from '../ui/facts.tsx'

/** The facts of a video. */
export function Details({ video }: { video: ApiVideo }) {
  const facts: [string, string][] = [
    ['Length', video.duration > 0 ? formatDuration(video.duration) : 'not known yet'],
    ['Picture', video.input.width > 0 ? `${video.input.width} × ${video.input.height}` : 'not known yet'],
    ['File', video.size > 0 ? formatBytes(video.size) : 'not uploaded yet'],
    ['Created', formatDateTime(video.created)],
  ]
  if (video.creator !== null) facts.push(['Creator', video.creator])
  if (video.watermark !== null) facts.push(['Watermark', video.watermark.name || video.watermark.uid])
  if (video.scheduledDeletion !== null) facts.push(['Deleted on', formatDateTime(video.scheduledDeletion)])
  return <Facts facts={facts} id={video.uid} />
}

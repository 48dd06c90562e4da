import type { ApiVideo } from '../api/videos.ts'
import { formatBytes, formatDateTime, formatDuration } from '../format.ts'

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
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2.5 text-sm">
      {facts.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="text-right tabular-nums">{value}</dd>
        </div>
      ))}
      <dt className="text-muted">Id</dt>
      <dd className="truncate text-right font-mono text-xs leading-5" title={video.uid}>
        {video.uid}
      </dd>
    </dl>
  )
}

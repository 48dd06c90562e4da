import { Link } from '@tanstack/react-router'
import { useRecordings } from '../api/live.ts'
import { nameOf } from '../api/videos.ts'
import { formatAgo, formatDateTime } from '../format.ts'
import { StateBadge } from '../video/state-badge.tsx'

/** What was broadcast to an input; the running broadcast is the first. */
export function Recordings({ inputUid, records }: { inputUid: string; records: boolean }) {
  const { data: videos = [] } = useRecordings(inputUid)
  if (videos.length === 0) {
    return (
      <p className="text-sm leading-relaxed text-muted">
        {records
          ? 'Each broadcast becomes a video here, which plays while it is still running.'
          : 'This input does not record.'}
      </p>
    )
  }
  return (
    <ul className="grid gap-3.5">
      {videos.map((video) => (
        <li key={video.uid} className="flex items-start justify-between gap-3 text-sm">
          <span className="min-w-0">
            <Link
              to="/videos/$uid"
              params={{ uid: video.uid }}
              className="rounded font-medium break-words hover:text-accent"
            >
              {nameOf(video)}
            </Link>
            <time
              dateTime={video.created}
              title={formatDateTime(video.created)}
              className="block text-xs text-muted"
            >
              {formatAgo(video.created)}
            </time>
          </span>
          <span className="shrink-0">
            <StateBadge video={video} />
          </span>
        </li>
      ))}
    </ul>
  )
}

import { Link } from '@tanstack/react-router'
import { CircleAlert, LoaderCircle, Lock, Upload } from 'lucide-react'
import { useState } from 'react'
import { type ApiVideo, isSettled, nameOf, progressOf } from '../api/videos.ts'
import { formatAgo, formatDateTime, formatDuration } from '../format.ts'
import { ProgressBar } from '../ui/progress-bar.tsx'

/** One video of the library. */
export function VideoCard({ video }: { video: ApiVideo }) {
  const name = nameOf(video)
  return (
    <Link to="/videos/$uid" params={{ uid: video.uid }} className="group block rounded-xl outline-offset-4">
      <div className="relative aspect-video overflow-hidden rounded-xl border border-line bg-raised">
        <Picture video={video} />
        {video.duration > 0 && (
          <span className="absolute right-2 bottom-2 rounded-md bg-black/75 px-1.5 py-0.5 text-xs font-medium text-white tabular-nums">
            {formatDuration(video.duration)}
          </span>
        )}
        {!isSettled(video) && video.status.state !== 'pendingupload' && (
          <div className="absolute inset-x-0 bottom-0">
            <ProgressBar label={`Preparation of ${name}`} pct={progressOf(video) || null} thin />
          </div>
        )}
      </div>
      <h3 className="mt-3 line-clamp-2 text-sm leading-snug font-medium break-words group-hover:text-accent">
        {name}
      </h3>
      <p className="mt-1 text-xs text-muted">
        <time dateTime={video.created} title={formatDateTime(video.created)}>
          {formatAgo(video.created)}
        </time>
        {note(video)}
      </p>
    </Link>
  )
}

function note(video: ApiVideo): string {
  switch (video.status.state) {
    case 'error':
      return ' · Failed'
    case 'pendingupload':
      return ' · Not fully uploaded'
    case 'downloading':
      return ' · Being fetched'
    case 'queued':
      return ' · In the queue'
    case 'inprogress':
      return ` · Being prepared, ${Math.floor(progressOf(video))} %`
    case 'live-inprogress':
      return ' · Live'
    case 'ready':
      break
  }
  return isSettled(video) ? '' : ` · More qualities ${Math.floor(progressOf(video))} %`
}

function Picture({ video }: { video: ApiVideo }) {
  const [broken, setBroken] = useState(false)
  if (video.readyToStream && !video.requireSignedURLs && !broken) {
    return (
      <img
        src={`/${video.uid}/thumbnails/thumbnail.jpg?height=360`}
        alt=""
        loading="lazy"
        decoding="async"
        onError={() => setBroken(true)}
        className="size-full object-cover transition-transform duration-300 group-hover:scale-[1.025]"
      />
    )
  }
  const icon = placeholder(video)
  return <div className="grid size-full place-items-center">{icon}</div>
}

function placeholder(video: ApiVideo) {
  if (video.requireSignedURLs)
    return <Lock aria-label="Protected" className="size-7 text-muted" strokeWidth={1.5} />
  switch (video.status.state) {
    case 'error':
      return <CircleAlert aria-label="Failed" className="size-7 text-danger" strokeWidth={1.5} />
    case 'pendingupload':
      return <Upload aria-label="Not fully uploaded" className="size-7 text-muted" strokeWidth={1.5} />
    default:
      return (
        <LoaderCircle
          aria-label="Being prepared"
          className="size-7 animate-spin text-muted"
          strokeWidth={1.5}
        />
      )
  }
}

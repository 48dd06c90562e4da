import type { VideoEvent } from '../api/videos.ts'
import { formatClock, formatDateTime } from '../format.ts'

/** Events as sentences; an unknown one is shown by its own name. */
const SENTENCES: Record<string, string> = {
  created: 'Upload began',
  pendingupload: 'Upload began',
  uploaded: 'Last byte arrived',
  downloading: 'Being fetched',
  queued: 'Last byte arrived',
  inprogress: 'Preparation began',
  planned: 'File looked at',
  ready: 'Can be watched',
  complete: 'All qualities finished',
  edited: 'Changed',
  failure: 'A step failed',
  error: 'Failed',
  retried: 'Tried again',
}

/** What happened to a video, oldest first. */
export function Timeline({ events, loading }: { events: readonly VideoEvent[]; loading: boolean }) {
  if (loading)
    return <div className="h-24 animate-pulse rounded-lg bg-raised" role="status" aria-label="Loading" />
  if (events.length === 0) return <p className="text-sm text-muted">Nothing yet.</p>
  return (
    <ol className="relative grid gap-4 border-l border-line pl-5">
      {events.map((event, index) => (
        <li key={`${event.at} ${event.kind} ${index}`} className="relative">
          <span
            aria-hidden
            className={`absolute top-1.5 -left-[1.53rem] size-2 rounded-full ring-4 ring-surface ${event.kind === 'error' || event.kind === 'failure' ? 'bg-danger' : 'bg-accent'}`}
          />
          <div className="flex items-baseline justify-between gap-3 text-sm">
            <span>{tell(event)}</span>
            <time
              dateTime={event.at}
              title={formatDateTime(event.at)}
              className="shrink-0 text-xs text-muted tabular-nums"
            >
              {formatClock(event.at)}
            </time>
          </div>
        </li>
      ))}
    </ol>
  )
}

function tell(event: VideoEvent): string {
  if (event.kind === 'captions') {
    return event.detail['status'] === 'error' ? 'Captions could not be generated' : 'Captions generated'
  }
  if (event.kind === 'tracks-inside') return 'Tracks inside the file were looked at'
  if (event.kind === 'audio-track') {
    const label = typeof event.detail['label'] === 'string' ? ` “${event.detail['label']}”` : ''
    return event.detail['status'] === 'error' ? `Sound${label} could not be added` : `Sound${label} added`
  }
  if (event.kind !== 'rendition') return SENTENCES[event.kind] ?? event.kind
  const name = event.detail['name']
  if (name === 'audio') return 'Sound finished'
  return typeof name === 'string' ? `${name} finished` : 'A quality finished'
}

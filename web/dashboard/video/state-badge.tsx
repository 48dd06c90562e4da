import { type ApiVideo, isSettled, progressOf } from '../api/videos.ts'

type Tone = 'good' | 'busy' | 'bad' | 'idle'

const TONES: Record<Tone, string> = {
  good: 'bg-accent-soft text-accent',
  busy: 'bg-warn-soft text-warn',
  bad: 'bg-danger-soft text-danger',
  idle: 'bg-raised text-muted',
}

/** Where a video stands, in two words. */
export function StateBadge({ video }: { video: ApiVideo }) {
  const [tone, text] = describeState(video)
  return (
    <span
      className={`inline-flex items-center gap-1.5 rounded-full px-2.5 py-1 text-xs font-medium tabular-nums ${TONES[tone]}`}
    >
      <span
        aria-hidden
        className={`size-1.5 rounded-full bg-current ${tone === 'busy' ? 'animate-pulse' : ''}`}
      />
      {text}
    </span>
  )
}

function describeState(video: ApiVideo): [Tone, string] {
  switch (video.status.state) {
    case 'pendingupload':
      return ['idle', 'Waiting for its upload']
    case 'downloading':
      return ['busy', 'Being fetched']
    case 'queued':
      return ['busy', 'In the queue']
    case 'inprogress':
      return ['busy', `Being prepared, ${Math.floor(progressOf(video))} %`]
    case 'live-inprogress':
      return ['good', 'Live']
    case 'error':
      return ['bad', 'Failed']
    case 'ready':
      break
  }
  if (isSettled(video)) return ['good', 'Ready']
  return ['good', `Plays; more qualities ${Math.floor(progressOf(video))} %`]
}

import type { Lifecycle, LiveStatus } from '../api/live.ts'

type Tone = 'live' | 'good' | 'busy' | 'bad' | 'idle'

const TONES: Record<Tone, string> = {
  live: 'bg-danger-soft text-danger',
  good: 'bg-accent-soft text-accent',
  busy: 'bg-warn-soft text-warn',
  bad: 'bg-danger-soft text-danger',
  idle: 'bg-raised text-muted',
}

function Badge({ tone, text }: { tone: Tone; text: string }) {
  return (
    <span
      className={`inline-flex items-center gap-1.5 rounded-full px-2.5 py-1 text-xs font-medium ${TONES[tone]}`}
    >
      <span
        aria-hidden
        className={`size-1.5 rounded-full bg-current ${tone === 'live' || tone === 'busy' ? 'animate-pulse' : ''}`}
      />
      {text}
    </span>
  )
}

/** Where an input stands, in two words. */
export function LiveBadge({ enabled, lifecycle }: { enabled: boolean; lifecycle: Lifecycle | undefined }) {
  if (lifecycle?.status === 'connected') return <Badge tone="live" text="Live" />
  if (lifecycle?.status === 'reconnecting') return <Badge tone="busy" text="Publisher is away" />
  if (!enabled) return <Badge tone="idle" text="Switched off" />
  return <Badge tone="good" text="Ready for a broadcast" />
}

/** Where an output stands. */
export function OutputBadge({ enabled, status }: { enabled: boolean; status: LiveStatus }) {
  if (!enabled) return <Badge tone="idle" text="Off" />
  if (status === null) return <Badge tone="idle" text="Waiting for a broadcast" />
  const { state, reason } = status.current
  if (state === 'connected') return <Badge tone="good" text="Sending" />
  if (reason === 'reconnecting') return <Badge tone="busy" text="Trying again" />
  if (reason === 'failed_to_connect' || reason === 'failed_to_reconnect') {
    return <Badge tone="bad" text="Could not connect" />
  }
  return <Badge tone="idle" text="Waiting for a broadcast" />
}

import type { LiveStatus } from '../api/live.ts'
import { formatClock, formatDateTime } from '../format.ts'

type Entry = NonNullable<LiveStatus>['current']

const REASONS: Record<Entry['reason'], string> = {
  connected: 'Broadcast began',
  reconnected: 'Publisher is back',
  reconnecting: 'Connection lost, waiting for the publisher',
  client_disconnect: 'Publisher ended it',
  ttl_exceeded: 'Broadcast is over',
  failed_to_connect: 'A connection was refused',
  failed_to_reconnect: 'A reconnection was refused',
  new_configuration_accepted: 'New settings while live',
}
const PROTOCOLS: Record<Entry['ingestProtocol'], string> = { rtmp: 'RTMP', srt: 'SRT', webrtc: 'WebRTC' }

/** What became of an input's connections, newest first. */
export function StatusHistory({ status }: { status: LiveStatus }) {
  if (status === null) {
    return <p className="text-sm leading-relaxed text-muted">Nobody has connected yet.</p>
  }
  return (
    <ol className="grid gap-3.5 text-sm">
      {[status.current, ...status.history].map((entry, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- two may have been entered in the same moment
        <li key={`${entry.statusEnteredAt} ${index}`} className="flex items-baseline gap-3">
          <span
            aria-hidden
            className={`size-2 shrink-0 rounded-full ${entry.state === 'connected' ? 'bg-accent' : 'bg-muted/50'}`}
          />
          <span className="min-w-0 flex-1">
            {REASONS[entry.reason]}
            <span className="block text-xs text-muted">by {PROTOCOLS[entry.ingestProtocol]}</span>
          </span>
          <time
            dateTime={entry.statusEnteredAt}
            title={formatDateTime(entry.statusEnteredAt)}
            className="text-xs text-muted tabular-nums"
          >
            {formatClock(entry.statusEnteredAt)}
          </time>
        </li>
      ))}
    </ol>
  )
}

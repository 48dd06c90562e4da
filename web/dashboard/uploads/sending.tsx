import { Film, Pause, Play, RotateCw, X } from 'lucide-react'
import { formatBytes, formatTimeLeft } from '../format.ts'
import { Button } from '../ui/button.tsx'
import { ProgressBar } from '../ui/progress-bar.tsx'
import type { UploadItem } from './uploads.ts'

type Props = { item: UploadItem; onPause: () => void; onResume: () => void; onCancel: () => void }

/** How much of an upload is sent, and what can be done about it. */
export function Sending({ item, onPause, onResume, onCancel }: Props) {
  const pct = item.sizeBytes === 0 ? 0 : (item.sentBytes / item.sizeBytes) * 100
  const failed = item.state === 'failed'
  return (
    <div className="min-w-0 p-5">
      <div className="flex items-center gap-4">
        <span
          aria-hidden
          className={`grid size-11 shrink-0 place-items-center rounded-xl ${failed ? 'bg-danger-soft text-danger' : 'bg-accent-soft text-accent'}`}
        >
          <Film className="size-5" strokeWidth={1.75} />
        </span>
        <div className="min-w-0 flex-1">
          <div className="flex items-baseline justify-between gap-4">
            <h2 className="truncate text-sm font-medium">{item.name}</h2>
            <span className="shrink-0 text-sm font-medium tabular-nums">{Math.floor(pct)} %</span>
          </div>
          <div className="mt-2.5">
            <ProgressBar
              label={`Upload of ${item.name}`}
              pct={pct}
              tone={failed ? 'danger' : item.state === 'uploading' ? 'accent' : 'muted'}
            />
          </div>
          <p
            className={`mt-2 text-xs tabular-nums ${failed ? 'text-danger' : 'text-muted'}`}
            role={failed ? 'alert' : undefined}
          >
            {describe(item)}
          </p>
        </div>
        <div className="flex shrink-0 gap-1">
          {item.state === 'uploading' && (
            <Button
              kind="quiet"
              size="icon"
              aria-label={`Pause ${item.name}`}
              title="Pause"
              onClick={onPause}
            >
              <Pause aria-hidden className="size-4" />
            </Button>
          )}
          {(item.state === 'paused' || failed) && (
            <Button
              kind="quiet"
              size="icon"
              aria-label={failed ? `Try ${item.name} again` : `Resume ${item.name}`}
              title={failed ? 'Try again' : 'Resume'}
              onClick={onResume}
            >
              {failed ? <RotateCw aria-hidden className="size-4" /> : <Play aria-hidden className="size-4" />}
            </Button>
          )}
          <Button
            kind="quiet"
            size="icon"
            aria-label={`Cancel ${item.name}`}
            title="Cancel"
            onClick={onCancel}
          >
            <X aria-hidden className="size-4" />
          </Button>
        </div>
      </div>
    </div>
  )
}

function describe(item: UploadItem): string {
  const size = `${formatBytes(item.sentBytes)} of ${formatBytes(item.sizeBytes)}`
  switch (item.state) {
    case 'waiting':
      return `Waiting for its turn · ${formatBytes(item.sizeBytes)}`
    case 'paused':
      return `Paused · ${size}`
    case 'failed':
      return `${item.problem ?? 'The upload stopped.'} Nothing that arrived is lost.`
    case 'done':
      return size
    case 'uploading':
      break
  }
  const parts = [item.resumed ? `Went on where it was · ${size}` : size]
  if (item.bytesPerSecond !== null && item.bytesPerSecond > 0) {
    parts.push(`${formatBytes(Math.round(item.bytesPerSecond))}/s`)
    parts.push(formatTimeLeft((item.sizeBytes - item.sentBytes) / item.bytesPerSecond))
  }
  return parts.join(' · ')
}

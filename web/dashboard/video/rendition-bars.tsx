import { Check } from 'lucide-react'
import type { Rendition } from '../api/videos.ts'
import { formatBitrate } from '../format.ts'
import { ProgressBar } from '../ui/progress-bar.tsx'

/** How far each quality is. */
export function RenditionBars({ renditions }: { renditions: readonly Rendition[] }) {
  if (renditions.length === 0) {
    return (
      <p className="text-sm leading-relaxed text-muted">
        Its qualities appear here as soon as the file has been looked at.
      </p>
    )
  }
  const sorted = [...renditions].sort(
    (a, b) => Number(b.kind === 'video') - Number(a.kind === 'video') || (b.height ?? 0) - (a.height ?? 0),
  )
  return (
    <ul className="grid gap-3.5" aria-label="Qualities">
      {sorted.map((rendition) => (
        <RenditionBar key={rendition.id} rendition={rendition} />
      ))}
    </ul>
  )
}

function RenditionBar({ rendition }: { rendition: Rendition }) {
  const { segments, segmentsReady } = rendition
  const pct = segments === 0 ? 100 : (segmentsReady / segments) * 100
  const name = rendition.kind === 'audio' ? 'Sound' : rendition.name
  const done = segmentsReady >= segments
  return (
    <li>
      <div className="mb-1.5 flex items-baseline justify-between gap-3 text-xs">
        <span className="font-medium">{name}</span>
        <span className="flex items-center gap-1.5 text-muted tabular-nums">
          {rendition.passthrough ? 'as uploaded' : formatBitrate(rendition.bitrate)}
          {done ? (
            <Check aria-label="finished" className="size-3.5 text-accent" strokeWidth={2.5} />
          ) : (
            <span className="min-w-9 text-right text-ink">{Math.floor(pct)} %</span>
          )}
        </span>
      </div>
      <ProgressBar label={`${name} finished`} pct={pct} thin />
    </li>
  )
}

import { Progress } from 'radix-ui'

/** 0–100; `null` while it is not known. */
type Props = { label: string; pct: number | null; tone?: 'accent' | 'muted' | 'danger'; thin?: boolean }

const TONES = { accent: 'bg-accent', muted: 'bg-muted/60', danger: 'bg-danger' }

export function ProgressBar({ label, pct, tone = 'accent', thin = false }: Props) {
  return (
    <Progress.Root
      value={pct}
      aria-label={label}
      className={`overflow-hidden rounded-full bg-track ${thin ? 'h-1' : 'h-1.5'}`}
    >
      <Progress.Indicator
        className={`h-full rounded-full transition-[width] duration-500 ease-out ${TONES[tone]} ${pct === null ? 'drift w-1/3' : ''}`}
        style={pct === null ? undefined : { width: `${pct}%` }}
      />
    </Progress.Root>
  )
}

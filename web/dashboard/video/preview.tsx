import { PlayerFrame } from './player-frame.tsx'

type Props = {
  /** What is shown: `video` or `input`. */
  kind: string
  name: string
  /** Uid, or the token that stands in its place; undefined until it is there. */
  playbackId: string | undefined
  /** Pages that may show it; empty: all. */
  allowedOrigins: readonly string[]
}

/** The player on the page of a video or a live input. */
export function Preview({ kind, name, playbackId, allowedOrigins }: Props) {
  // The dashboard is a page like any other: what may not play there stays out here too.
  if (allowedOrigins.length > 0) {
    return (
      <div className="grid aspect-video place-items-center rounded-2xl border border-line bg-raised p-8 text-center">
        <p className="max-w-sm text-sm leading-relaxed text-muted">
          {`This ${kind} plays on ${allowedOrigins.join(', ')} only, so it is not shown here.`}
        </p>
      </div>
    )
  }
  return (
    <div className="overflow-hidden rounded-2xl border border-line shadow-card">
      {playbackId === undefined ? (
        <div className="aspect-video bg-black" />
      ) : (
        <PlayerFrame id={playbackId} title={name} />
      )}
    </div>
  )
}

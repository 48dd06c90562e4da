import { Link } from '@tanstack/react-router'
import { ArrowRight, X } from 'lucide-react'
import { isSettled, useVideo, useVideoProgress } from '../api/videos.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { PlayerFrame } from '../video/player-frame.tsx'
import { RenditionBars } from '../video/rendition-bars.tsx'
import { StateBadge } from '../video/state-badge.tsx'
import { Problem } from '../video/problem.tsx'

type Props = { uid: string; name: string; autoplay: boolean; onDismiss: () => void }

/** A video whose last byte is in: it plays here, and its qualities are made beside it. */
export function ArrivedCard({ uid, name, autoplay, onDismiss }: Props) {
  const video = useVideo(uid)
  const settled = video.data !== undefined && isSettled(video.data)
  const progress = useVideoProgress(uid, !settled)
  const failed = video.data?.status.state === 'error'
  return (
    <article className="overflow-hidden rounded-2xl border border-line bg-surface shadow-card">
      <div className="grid md:grid-cols-[minmax(0,1.65fr)_minmax(0,1fr)]">
        <PlayerFrame uid={uid} title={name} autoplay={autoplay} />
        <div className="flex min-w-0 flex-col p-5">
          <div className="flex items-start gap-2">
            <h2 className="min-w-0 flex-1 pt-1 text-base leading-snug font-semibold tracking-tight break-words">
              {name}
            </h2>
            <Button kind="quiet" size="icon" aria-label={`Hide ${name}`} title="Hide" onClick={onDismiss}>
              <X aria-hidden className="size-4" />
            </Button>
          </div>
          <div className="mt-2 mb-5">{video.data && <StateBadge video={video.data} />}</div>
          {video.data && failed ? (
            <Problem video={video.data} />
          ) : (
            <RenditionBars renditions={progress.data?.renditions ?? []} />
          )}
          <div className="mt-auto flex flex-wrap gap-2 pt-6">
            <Link to="/videos/$uid" params={{ uid }} className={buttonClass('plain', 'small')}>
              Details <ArrowRight aria-hidden className="size-4" />
            </Link>
            {video.data && !failed && (
              <CopyButton text={video.data.preview} label="Copy the watch address">
                Copy link
              </CopyButton>
            )}
          </div>
        </div>
      </div>
    </article>
  )
}

import { Link } from '@tanstack/react-router'
import { ArrowRight, X } from 'lucide-react'
import { useVideo, useVideoProgress } from '../api/videos.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { RenditionBars } from '../video/rendition-bars.tsx'
import { StateBadge } from '../video/state-badge.tsx'
import { Problem } from '../video/problem.tsx'

type Props = { uid: string; name: string; onDismiss: () => void }

/** A video whose last byte is in: how far its qualities are. */
export function Preparing({ uid, name, onDismiss }: Props) {
  const video = useVideo(uid)
  const progress = useVideoProgress(uid)
  const failed = video.data?.status.state === 'error'
  return (
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
  )
}

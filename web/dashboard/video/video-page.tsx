/** One video: watch it, hand it on, see what happened to it, change or delete it. */

import { Link, useParams } from '@tanstack/react-router'
import { ArrowLeft, ExternalLink } from 'lucide-react'
import { ApiError, describeError } from '../api/client.ts'
import { type ApiVideo, nameOf, usePlaybackId, useVideo, useVideoProgress } from '../api/videos.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { NotFound } from '../ui/not-found.tsx'
import { Panel } from '../ui/panel.tsx'
import { Splash } from '../ui/splash.tsx'
import { Addresses } from './addresses.tsx'
import { DeleteVideo } from './delete-video.tsx'
import { Details } from './details.tsx'
import { DownloadVideo } from './download-video.tsx'
import { PlayerFrame } from './player-frame.tsx'
import { Problem } from './problem.tsx'
import { RenameVideo } from './rename-video.tsx'
import { RenditionBars } from './rendition-bars.tsx'
import { StateBadge } from './state-badge.tsx'
import { Timeline } from './timeline.tsx'

export function VideoPage() {
  const { uid } = useParams({ from: '/videos/$uid' })
  const video = useVideo(uid)
  if (video.isPending) return <Splash />
  if (video.isError && !video.data) {
    if (video.error instanceof ApiError && video.error.status === 404) return <NotFound />
    return (
      <Splash title="The video could not be read" sentence={describeError(video.error)}>
        <Button onClick={() => void video.refetch()}>Try again</Button>
      </Splash>
    )
  }
  return <LoadedVideo video={video.data} />
}

function LoadedVideo({ video }: { video: ApiVideo }) {
  const progress = useVideoProgress(video.uid)
  const events = progress.data?.events ?? []
  const renditions = progress.data?.renditions ?? []
  const failed = video.status.state === 'error'
  const name = nameOf(video)
  const playbackId = usePlaybackId(video)
  return (
    <article>
      <title>{`${name} – Headwater`}</title>
      <Link to="/" className="inline-flex items-center gap-1.5 rounded text-sm text-muted hover:text-ink">
        <ArrowLeft aria-hidden className="size-4" />
        Library
      </Link>
      <header className="mt-4 mb-6 flex flex-wrap items-start justify-between gap-x-6 gap-y-4">
        <div className="min-w-0">
          <h1 className="text-2xl leading-tight font-semibold tracking-tight break-words">{name}</h1>
          <div className="mt-2.5">
            <StateBadge video={video} />
          </div>
        </div>
        <div className="flex flex-wrap gap-2">
          {!failed && (
            <a
              href={`/${playbackId ?? video.uid}/watch`}
              target="_blank"
              rel="noreferrer"
              className={buttonClass('plain', 'small')}
            >
              <ExternalLink aria-hidden className="size-4" />
              Watch page
            </a>
          )}
          {video.status.state === 'ready' && <DownloadVideo video={video} playbackId={playbackId} />}
          <RenameVideo video={video} />
          <DeleteVideo video={video} />
        </div>
      </header>
      <div className="grid gap-6 lg:grid-cols-[minmax(0,1.9fr)_minmax(0,1fr)]">
        <div className="grid min-w-0 content-start gap-6">
          {failed ? <Problem video={video} /> : <Player video={video} name={name} playbackId={playbackId} />}
          {!failed && <Addresses video={video} />}
        </div>
        <div className="grid min-w-0 content-start gap-6">
          {!failed && (
            <Panel title="Qualities">
              <RenditionBars renditions={renditions} />
            </Panel>
          )}
          <Panel title="Details">
            <Details video={video} />
          </Panel>
          <Panel title="What happened">
            <Timeline events={events} loading={progress.isPending} />
          </Panel>
        </div>
      </div>
    </article>
  )
}

function Player({
  video,
  name,
  playbackId,
}: {
  video: ApiVideo
  name: string
  playbackId: string | undefined
}) {
  // The dashboard is a page like any other: where a video may not play it stays out here too.
  if (video.allowedOrigins.length > 0) {
    return (
      <Withheld
        sentence={`This video plays on ${video.allowedOrigins.join(', ')} only, so it is not shown here.`}
      />
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

function Withheld({ sentence }: { sentence: string }) {
  return (
    <div className="grid aspect-video place-items-center rounded-2xl border border-line bg-raised p-8 text-center">
      <p className="max-w-sm text-sm leading-relaxed text-muted">{sentence}</p>
    </div>
  )
}

/** One video: watch it, hand it on, see what happened to it, change or delete it. */

import { useParams } from '@tanstack/react-router'
import { type ApiVideo, nameOf, usePlaybackId, useVideo, useVideoProgress } from '../api/videos.ts'
import { Loaded } from '../ui/loaded.tsx'
import { Panel } from '../ui/panel.tsx'
import { SubjectPage } from '../ui/subject-page.tsx'
import { Addresses } from './addresses.tsx'
import { DeleteVideo } from './delete-video.tsx'
import { Details } from './details.tsx'
import { DownloadVideo } from './download-video.tsx'
import { Preview } from './preview.tsx'
import { Problem } from './problem.tsx'
import { RenameVideo } from './rename-video.tsx'
import { RenditionBars } from './rendition-bars.tsx'
import { StateBadge } from './state-badge.tsx'
import { Timeline } from './timeline.tsx'
import { WatchLink } from './watch-link.tsx'

export function VideoPage() {
  const { uid } = useParams({ from: '/videos/$uid' })
  return (
    <Loaded query={useVideo(uid)} what="The video">
      {(video) => <LoadedVideo video={video} />}
    </Loaded>
  )
}

function LoadedVideo({ video }: { video: ApiVideo }) {
  const progress = useVideoProgress(video.uid)
  const events = progress.data?.events ?? []
  const renditions = progress.data?.renditions ?? []
  const failed = video.status.state === 'error'
  const name = nameOf(video)
  const { allowedOrigins } = video
  const playbackId = usePlaybackId(video)
  return (
    <SubjectPage
      name={name}
      back={{ to: '/', label: 'Library' }}
      badge={<StateBadge video={video} />}
      actions={
        <>
          {!failed && <WatchLink id={playbackId ?? video.uid} />}
          {video.status.state === 'ready' && <DownloadVideo video={video} playbackId={playbackId} />}
          <RenameVideo video={video} />
          <DeleteVideo video={video} />
        </>
      }
      main={
        failed ? (
          <Problem video={video} />
        ) : (
          <>
            <Preview kind="video" name={name} playbackId={playbackId} allowedOrigins={allowedOrigins} />
            <Addresses video={video} />
          </>
        )
      }
      aside={
        <>
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
        </>
      }
    />
  )
}

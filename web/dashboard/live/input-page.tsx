/** One live input: see it, connect to it, send it on, switch it off, give it new keys. */

import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { ArrowLeft, ExternalLink, KeyRound, Power, Trash2 } from 'lucide-react'
import { ApiError, describeError } from '../api/client.ts'
import { type LiveInput, useChangeInput, useDeleteInput, useInput, useLifecycle } from '../api/live.ts'
import { nameOf, usePlaybackId } from '../api/videos.ts'
import { formatDateTime } from '../format.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { NotFound } from '../ui/not-found.tsx'
import { Panel } from '../ui/panel.tsx'
import { Splash } from '../ui/splash.tsx'
import { Address } from '../video/addresses.tsx'
import { PlayerFrame } from '../video/player-frame.tsx'
import { Connect } from './connect.tsx'
import { LiveBadge } from './live-badge.tsx'
import { Outputs } from './outputs.tsx'
import { Recordings } from './recordings.tsx'
import { StatusHistory } from './status-history.tsx'

export function InputPage() {
  const { uid } = useParams({ from: '/live/$uid' })
  const input = useInput(uid)
  if (input.isPending) return <Splash />
  if (input.isError && !input.data) {
    if (input.error instanceof ApiError && input.error.status === 404) return <NotFound />
    return (
      <Splash title="The live input could not be read" sentence={describeError(input.error)}>
        <Button onClick={() => void input.refetch()}>Try again</Button>
      </Splash>
    )
  }
  return <LoadedInput input={input.data} />
}

function LoadedInput({ input }: { input: LiveInput }) {
  const name = nameOf(input)
  const lifecycle = useLifecycle(input.uid)
  const playbackId = usePlaybackId({ uid: input.uid, requireSignedURLs: input.recording.requireSignedURLs })
  return (
    <article>
      <title>{`${name} – Headwater`}</title>
      <Link to="/live" className="inline-flex items-center gap-1.5 rounded text-sm text-muted hover:text-ink">
        <ArrowLeft aria-hidden className="size-4" />
        Live inputs
      </Link>
      <header className="mt-4 mb-6 flex flex-wrap items-start justify-between gap-x-6 gap-y-4">
        <div className="min-w-0">
          <h1 className="text-2xl leading-tight font-semibold tracking-tight break-words">{name}</h1>
          <div className="mt-2.5">
            <LiveBadge enabled={input.enabled} lifecycle={lifecycle} />
          </div>
        </div>
        <Actions input={input} playbackId={playbackId} />
      </header>
      <div className="grid gap-6 lg:grid-cols-[minmax(0,1.9fr)_minmax(0,1fr)]">
        <div className="grid min-w-0 content-start gap-6">
          <Preview input={input} name={name} playbackId={playbackId} />
          <Connect input={input} />
          <Outputs inputUid={input.uid} />
          <Panel title="Addresses">
            <div className="grid gap-4">
              <Address
                label="Watch page"
                hint="Shows whatever is live; send it to people."
                text={input.playback.hls.replace(/manifest\/video\.m3u8$/, 'watch')}
              />
              <Address label="HLS manifest" hint="For your own player." text={input.playback.hls} />
            </div>
          </Panel>
        </div>
        <div className="grid min-w-0 content-start gap-6">
          <Panel title="Status">
            <StatusHistory status={input.status} />
          </Panel>
          <Panel title="Recordings">
            <Recordings inputUid={input.uid} records={input.recording.mode === 'automatic'} />
          </Panel>
          <Panel title="Details">
            <Details input={input} />
          </Panel>
        </div>
      </div>
    </article>
  )
}

function Preview({
  input,
  name,
  playbackId,
}: {
  input: LiveInput
  name: string
  playbackId: string | undefined
}) {
  const { allowedOrigins } = input.recording
  // The dashboard is a page like any other: where an input may not play it stays out here too.
  if (allowedOrigins !== null && allowedOrigins.length > 0) {
    return (
      <div className="grid aspect-video place-items-center rounded-2xl border border-line bg-raised p-8 text-center">
        <p className="max-w-sm text-sm leading-relaxed text-muted">
          This input plays on {allowedOrigins.join(', ')} only, so it is not shown here.
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

function Actions({ input, playbackId }: { input: LiveInput; playbackId: string | undefined }) {
  const change = useChangeInput(input.uid)
  const remove = useDeleteInput(input.uid)
  const navigate = useNavigate()
  return (
    <div className="flex flex-wrap gap-2">
      <a
        href={`/${playbackId ?? input.uid}/watch`}
        target="_blank"
        rel="noreferrer"
        className={buttonClass('plain', 'small')}
      >
        <ExternalLink aria-hidden className="size-4" />
        Watch page
      </a>
      {input.enabled ? (
        <Confirm
          trigger={
            <Button kind="plain" size="small">
              <Power aria-hidden className="size-4" />
              Switch off
            </Button>
          }
          title="Switch this input off?"
          sentence="A broadcast that is running is ended, and nobody can publish until it is switched on again."
          keep="Leave it on"
          confirm="Switch it off"
          onConfirm={() => change.mutateAsync('disable')}
        />
      ) : (
        <Button kind="plain" size="small" busy={change.isPending} onClick={() => change.mutate('enable')}>
          <Power aria-hidden className="size-4" />
          Switch on
        </Button>
      )}
      <Confirm
        trigger={
          <Button kind="plain" size="small">
            <KeyRound aria-hidden className="size-4" />
            New keys
          </Button>
        }
        title="Make new keys?"
        sentence="All keys of this input stop working at once: a running broadcast is cut, and OBS needs the new key."
        keep="Keep the keys"
        confirm="Make new keys"
        onConfirm={() => change.mutateAsync('rotate_keys')}
      />
      <Confirm
        trigger={
          <Button kind="plain" size="small" className="text-danger!">
            <Trash2 aria-hidden className="size-4" />
            Delete
          </Button>
        }
        title="Delete this live input?"
        sentence={`“${nameOf(input)}”, its keys and its outputs are deleted for good, and a running broadcast is cut. Its recordings stay.`}
        keep="Keep it"
        confirm="Delete for good"
        onConfirm={async () => {
          await remove.mutateAsync()
          await navigate({ to: '/live' })
        }}
      />
    </div>
  )
}

function Details({ input }: { input: LiveInput }) {
  const { recording, deleteRecordingAfterDays, keysRotatedAt, defaultCreator } = input
  const facts: [string, string][] = [
    ['Recording', recording.mode === 'automatic' ? 'on' : 'off'],
    ['Latency', input.preferLowLatency ? 'low' : 'usual'],
    ['Created', formatDateTime(input.created)],
  ]
  if (keysRotatedAt !== undefined) facts.push(['New keys since', formatDateTime(keysRotatedAt)])
  if (deleteRecordingAfterDays !== null) facts.push(['Recordings kept', `${deleteRecordingAfterDays} days`])
  if (defaultCreator !== null) facts.push(['Creator', defaultCreator])
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-2.5 text-sm">
      {facts.map(([title, value]) => (
        <div key={title} className="contents">
          <dt className="text-muted">{title}</dt>
          <dd className="text-right tabular-nums">{value}</dd>
        </div>
      ))}
      <dt className="text-muted">Id</dt>
      <dd className="truncate text-right font-mono text-xs leading-5" title={input.uid}>
        {input.uid}
      </dd>
    </dl>
  )
}

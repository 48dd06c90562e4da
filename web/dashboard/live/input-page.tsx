/** One live input: see it, connect to it, send it on, switch it off, give it new keys. */

import { useNavigate, useParams } from '@tanstack/react-router'
import { KeyRound, Power, Trash2 } from 'lucide-react'
import { type LiveInput, useChangeInput, useDeleteInput, useInput, useLifecycle } from '../api/live.ts'
import { nameOf, usePlaybackId } from '../api/videos.ts'
import { formatDateTime } from '../format.ts'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { Facts } from '../ui/facts.tsx'
import { Loaded } from '../ui/loaded.tsx'
import { Panel } from '../ui/panel.tsx'
import { SubjectPage } from '../ui/subject-page.tsx'
import { Address } from '../video/addresses.tsx'
import { Preview } from '../video/preview.tsx'
import { WatchLink } from '../video/watch-link.tsx'
import { Connect } from './connect.tsx'
import { LiveBadge } from './live-badge.tsx'
import { Outputs } from './outputs.tsx'
import { Recordings } from './recordings.tsx'
import { StatusHistory } from './status-history.tsx'

export function InputPage() {
  const { uid } = useParams({ from: '/live/$uid' })
  return (
    <Loaded query={useInput(uid)} what="The live input">
      {(input) => <LoadedInput input={input} />}
    </Loaded>
  )
}

function LoadedInput({ input }: { input: LiveInput }) {
  const name = nameOf(input)
  const { uid, enabled, recording, playback } = input
  const lifecycle = useLifecycle(uid)
  const playbackId = usePlaybackId({ uid, requireSignedURLs: recording.requireSignedURLs })
  return (
    <SubjectPage
      name={name}
      back={{ to: '/live', label: 'Live inputs' }}
      badge={<LiveBadge enabled={enabled} lifecycle={lifecycle} />}
      actions={<Actions input={input} playbackId={playbackId} />}
      main={
        <>
          <Preview
            kind="input"
            name={name}
            playbackId={playbackId}
            allowedOrigins={recording.allowedOrigins ?? []}
          />
          <Connect input={input} />
          <Outputs inputUid={uid} />
          <Panel title="Addresses">
            <div className="grid gap-4">
              <Address
                label="Watch page"
                hint="Shows whatever is live; send it to people."
                text={playback.hls.replace(/manifest\/video\.m3u8$/, 'watch')}
              />
              <Address label="HLS manifest" hint="For your own player." text={playback.hls} />
            </div>
          </Panel>
        </>
      }
      aside={
        <>
          <Panel title="Status">
            <StatusHistory status={input.status} />
          </Panel>
          <Panel title="Recordings">
            <Recordings inputUid={uid} records={recording.mode === 'automatic'} />
          </Panel>
          <Panel title="Details">
            <Details input={input} />
          </Panel>
        </>
      }
    />
  )
}

function Actions({ input, playbackId }: { input: LiveInput; playbackId: string | undefined }) {
  const change = useChangeInput(input.uid)
  const remove = useDeleteInput(input.uid)
  const navigate = useNavigate()
  return (
    <>
      <WatchLink id={playbackId ?? input.uid} />
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
    </>
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
  return <Facts facts={facts} id={input.uid} />
}

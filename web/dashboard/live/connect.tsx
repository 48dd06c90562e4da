/** How to publish to an input: addresses and keys, hidden until somebody asks, and what to set in OBS. */

import { Eye, EyeOff } from 'lucide-react'
import { type ReactNode, useId, useState } from 'react'
import type { LiveInput } from '../api/live.ts'
import { Button } from '../ui/button.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { Panel } from '../ui/panel.tsx'

type Way = 'rtmp' | 'srt' | 'webrtc'

/** The panel. Keys can be copied without being shown. */
export function Connect({ input }: { input: LiveInput }) {
  const ways: [Way, string][] = [
    ...(input.rtmps === undefined ? [] : [['rtmp', 'OBS (RTMP)'] satisfies [Way, string]]),
    ...(input.srt === undefined ? [] : [['srt', 'SRT'] satisfies [Way, string]]),
    ['webrtc', 'Browser (WHIP)'],
  ]
  const [chosen, setChosen] = useState<Way>(ways[0]?.[0] ?? 'webrtc')
  const [shown, setShown] = useState(false)
  return (
    <Panel
      title="Connect"
      action={
        <Button
          kind="quiet"
          size="small"
          className="-mr-3"
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
        >
          {shown ? <EyeOff aria-hidden className="size-4" /> : <Eye aria-hidden className="size-4" />}
          {shown ? 'Hide keys' : 'Show keys'}
        </Button>
      }
    >
      <div role="group" aria-label="Protocol" className="mb-5 flex flex-wrap gap-1 rounded-lg bg-raised p-1">
        {ways.map(([way, title]) => (
          <button
            key={way}
            type="button"
            aria-pressed={way === chosen}
            onClick={() => setChosen(way)}
            className="h-8 flex-1 rounded-md px-3 text-sm font-medium whitespace-nowrap text-muted aria-pressed:bg-surface aria-pressed:text-ink aria-pressed:shadow-sm"
          >
            {title}
          </button>
        ))}
      </div>
      {chosen === 'rtmp' && <ByRtmp input={input} shown={shown} />}
      {chosen === 'srt' && <BySrt input={input} shown={shown} />}
      {chosen === 'webrtc' && <ByWhip input={input} shown={shown} />}
    </Panel>
  )
}

function ByRtmp({ input, shown }: { input: LiveInput; shown: boolean }) {
  const { rtmps, rtmp } = input
  if (rtmps === undefined) return null
  return (
    <Fields>
      {/* A certificate that the server has made itself is refused by OBS, so the plain address comes first. */}
      <Field label="Server" text={(rtmp ?? rtmps).url} />
      <Secret label="Stream key" text={rtmps.streamKey} shown={shown} />
      {rtmp !== undefined && rtmp.url !== rtmps.url && <Field label="Server, encrypted" text={rtmps.url} />}
      <Steps>
        <li>
          OBS: <Menu>Settings → Stream</Menu>, service <Menu>Custom…</Menu>, then server and stream key as
          above.
        </li>
        <li>
          <Menu>Settings → Output</Menu>: output mode <Menu>Advanced</Menu>, encoder <Menu>x264</Menu> (or a
          hardware H.264), rate control <Menu>CBR</Menu>, keyframe interval <Menu>2 s</Menu>, tune{' '}
          <Menu>zerolatency</Menu> for the least delay.
        </li>
        <li>
          <Menu>Start Streaming</Menu>. The player above shows it within seconds.
        </li>
      </Steps>
    </Fields>
  )
}

function BySrt({ input, shown }: { input: LiveInput; shown: boolean }) {
  const { srt } = input
  if (srt === undefined) return null
  const whole = `${srt.url}?streamid=${srt.streamId}&passphrase=${srt.passphrase}`
  return (
    <Fields>
      <Secret label="Address" text={whole} shown={shown} />
      <Field label="Stream id" text={srt.streamId} />
      <Secret label="Passphrase" text={srt.passphrase} shown={shown} />
      <Steps>
        <li>
          OBS: <Menu>Settings → Stream</Menu>, service <Menu>Custom…</Menu>, the address as the server, and no
          stream key.
        </li>
        <li>
          ffmpeg: <code className="code">-c:v libx264 -g 60 -c:a aac -f mpegts</code> and the address.
        </li>
      </Steps>
    </Fields>
  )
}

function ByWhip({ input, shown }: { input: LiveInput; shown: boolean }) {
  return (
    <Fields>
      <Secret label="WHIP address" text={input.webRTC.url} shown={shown} />
      <Field label="WHEP address, to watch" text={input.webRTCPlayback.url} />
      <Steps>
        <li>
          OBS 30 and newer: service <Menu>WHIP</Menu>, this address as the server, no bearer token.
        </li>
        <li>Any page with a WHIP client can publish camera and microphone to it.</li>
      </Steps>
    </Fields>
  )
}

function Fields({ children }: { children: ReactNode }) {
  return <div className="grid gap-4">{children}</div>
}

function Field({ label, text }: { label: string; text: string }) {
  return <Secret label={label} text={text} shown />
}

function Secret({ label, text, shown }: { label: string; text: string; shown: boolean }) {
  const id = useId()
  return (
    <div>
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      <div className="mt-1.5 flex items-center gap-2">
        <input
          id={id}
          readOnly
          type={shown ? 'text' : 'password'}
          autoComplete="off"
          value={text}
          onFocus={(event) => event.target.select()}
          className="field h-8! min-w-0 flex-1 font-mono text-xs! text-muted"
        />
        <CopyButton text={text} label={`Copy: ${label}`} />
      </div>
    </div>
  )
}

function Steps({ children }: { children: ReactNode }) {
  return (
    <ol className="grid list-decimal gap-1.5 border-t border-line pt-4 pl-5 text-sm leading-relaxed text-muted">
      {children}
    </ol>
  )
}

function Menu({ children }: { children: ReactNode }) {
  return <strong className="font-medium text-ink">{children}</strong>
}

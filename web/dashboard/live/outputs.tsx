/** Where broadcasts of an input are sent on to. */

import { Plus, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { describeError } from '../api/client.ts'
import { type LiveOutput, useChangeOutputs, useOutputs } from '../api/live.ts'
import { Button } from '../ui/button.tsx'
import { FormDialog } from '../ui/form-dialog.tsx'
import { Panel } from '../ui/panel.tsx'
import { TextField } from '../ui/text-field.tsx'
import { OutputBadge } from './live-badge.tsx'

export function Outputs({ inputUid }: { inputUid: string }) {
  const { data: outputs = [] } = useOutputs(inputUid)
  return (
    <Panel title="Outputs" action={<AddOutput inputUid={inputUid} />}>
      {outputs.length === 0 ? (
        <p className="text-sm leading-relaxed text-muted">
          Add another service, such as YouTube or Twitch, and every broadcast is sent on to it as it comes in.
        </p>
      ) : (
        <ul className="grid gap-3">
          {outputs.map((output) => (
            <li key={output.uid}>
              <Output inputUid={inputUid} output={output} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}

function Output({ inputUid, output }: { inputUid: string; output: LiveOutput }) {
  const { switchTo, remove } = useChangeOutputs(inputUid)
  const problem = switchTo.error ?? remove.error
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-xl border border-line px-4 py-3">
      <div className="min-w-0 flex-1 basis-56">
        <p className="truncate font-mono text-xs" title={output.url}>
          {output.url}
        </p>
        <div className="mt-2">
          <OutputBadge enabled={output.enabled} status={output.status} />
        </div>
        {problem !== null && (
          <p role="alert" className="mt-2 text-sm text-danger">
            {describeError(problem)}
          </p>
        )}
      </div>
      <Button
        kind="plain"
        size="small"
        role="switch"
        aria-checked={output.enabled}
        aria-label={`Send to ${output.url}`}
        busy={switchTo.isPending}
        onClick={() => switchTo.mutate({ output: output.uid, enabled: !output.enabled })}
      >
        {output.enabled ? 'Switch off' : 'Switch on'}
      </Button>
      <Button
        kind="quiet"
        size="icon"
        aria-label={`Remove ${output.url}`}
        busy={remove.isPending}
        onClick={() => remove.mutate(output.uid)}
      >
        <Trash2 aria-hidden className="size-4" />
      </Button>
    </div>
  )
}

function AddOutput({ inputUid }: { inputUid: string }) {
  const [url, setUrl] = useState('')
  const [streamKey, setStreamKey] = useState('')
  const { add } = useChangeOutputs(inputUid)
  return (
    <FormDialog
      trigger={
        <Button kind="quiet" size="small" className="-mr-3">
          <Plus aria-hidden className="size-4" />
          Add output
        </Button>
      }
      title="Add an output"
      send="Add"
      ready={url.trim() !== ''}
      sending={add}
      onOpen={() => {
        setUrl('')
        setStreamKey('')
      }}
      onSend={(close) => add.mutate({ url: url.trim(), streamKey: streamKey.trim() }, { onSuccess: close })}
    >
      <TextField
        id="output-url"
        label={
          <>
            Server <span className="text-xs font-normal text-muted">rtmp, rtmps or srt</span>
          </>
        }
        value={url}
        placeholder="rtmp://a.rtmp.youtube.com/live2"
        onChange={setUrl}
      />
      <TextField
        id="output-key"
        label="Stream key"
        type="password"
        autoComplete="off"
        value={streamKey}
        onChange={setStreamKey}
      />
    </FormDialog>
  )
}

import { useNavigate } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { useCreateInput } from '../api/live.ts'
import { Button } from '../ui/button.tsx'
import { FormDialog } from '../ui/form-dialog.tsx'
import { TextField } from '../ui/text-field.tsx'

/** The button and the dialogue that make a live input; then its page opens. */
export function CreateInput() {
  const [name, setName] = useState('')
  const [record, setRecord] = useState(true)
  const [lowLatency, setLowLatency] = useState(true)
  const navigate = useNavigate()
  const create = useCreateInput()
  return (
    <FormDialog
      trigger={
        <Button>
          <Plus aria-hidden className="size-4" />
          New live input
        </Button>
      }
      title="New live input"
      send="Create"
      ready={name.trim() !== ''}
      sending={create}
      onOpen={() => setName('')}
      onSend={() =>
        create.mutate(
          { name: name.trim(), record, lowLatency },
          { onSuccess: ({ uid }) => void navigate({ to: '/live/$uid', params: { uid } }) },
        )
      }
    >
      <TextField id="input-name" label="Name" value={name} placeholder="Studio two" onChange={setName} />
      <Choice
        checked={record}
        onChange={setRecord}
        hint="Without it only outputs and real-time viewers get it."
      >
        Show it in players and record it
      </Choice>
      <Choice checked={lowLatency} onChange={setLowLatency} hint="Players follow about two seconds behind.">
        Low latency
      </Choice>
    </FormDialog>
  )
}

type ChoiceProps = {
  checked: boolean
  onChange: (checked: boolean) => void
  hint: string
  children: ReactNode
}

function Choice({ checked, onChange, hint, children }: ChoiceProps) {
  return (
    <label className="mt-4 flex cursor-pointer items-start gap-3 text-sm">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-0.5 size-4 accent-accent"
      />
      <span>
        <span className="font-medium">{children}</span>
        <span className="block text-xs leading-relaxed text-muted">{hint}</span>
      </span>
    </label>
  )
}

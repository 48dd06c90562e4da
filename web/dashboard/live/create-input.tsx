import { useNavigate } from '@tanstack/react-router'
import { Plus } from 'lucide-react'
import { Dialog } from 'radix-ui'
import { type FormEvent, type ReactNode, useState } from 'react'
import { describeError } from '../api/client.ts'
import { useCreateInput } from '../api/live.ts'
import { Button } from '../ui/button.tsx'

/** The button and the dialogue that make a live input; then its page opens. */
export function CreateInput() {
  const [open, setOpen] = useState(false)
  const [name, setName] = useState('')
  const [record, setRecord] = useState(true)
  const [lowLatency, setLowLatency] = useState(true)
  const navigate = useNavigate()
  const create = useCreateInput()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    create.mutate(
      { name: name.trim(), record, lowLatency },
      { onSuccess: ({ uid }) => void navigate({ to: '/live/$uid', params: { uid } }) },
    )
  }
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next) => {
        setName('')
        create.reset()
        setOpen(next)
      }}
    >
      <Dialog.Trigger asChild>
        <Button>
          <Plus aria-hidden className="size-4" />
          New live input
        </Button>
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content className="dialog" aria-describedby={undefined}>
          <form onSubmit={submit}>
            <Dialog.Title className="text-lg font-semibold tracking-tight">New live input</Dialog.Title>
            <label htmlFor="input-name" className="mt-4 block text-sm font-medium">
              Name
            </label>
            <input
              id="input-name"
              value={name}
              placeholder="Studio two"
              onChange={(event) => setName(event.target.value)}
              className="field mt-2 w-full"
            />
            <Choice
              checked={record}
              onChange={setRecord}
              hint="Without it only outputs and real-time viewers get it."
            >
              Show it in players and record it
            </Choice>
            <Choice
              checked={lowLatency}
              onChange={setLowLatency}
              hint="Players follow about two seconds behind."
            >
              Low latency
            </Choice>
            {create.isError && (
              <p role="alert" className="mt-3 text-sm text-danger">
                {describeError(create.error)}
              </p>
            )}
            <div className="mt-6 flex justify-end gap-2">
              <Dialog.Close asChild>
                <Button kind="quiet">Cancel</Button>
              </Dialog.Close>
              <Button type="submit" busy={create.isPending} disabled={name.trim() === ''}>
                Create
              </Button>
            </div>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
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

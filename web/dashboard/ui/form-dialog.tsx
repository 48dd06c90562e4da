import { Dialog } from 'radix-ui'
import { type FormEvent, type ReactNode, useState } from 'react'
import { describeError } from '../api/client.ts'
import { Button } from './button.tsx'

type Props = {
  /** The button that opens it. */
  trigger: ReactNode
  title: string
  /** What the button that sends it says. */
  send: string
  /** Whether what is filled in can be sent. */
  ready: boolean
  /** The mutation that sends it: whether it is under way, and why it failed. */
  sending: { isPending: boolean; error: Error | null; reset: () => void }
  /** Fills the fields anew. */
  onOpen: () => void
  onSend: (close: () => void) => void
  /** The fields. */
  children: ReactNode
}

/** A button whose dialogue asks for some fields and sends them. */
export function FormDialog({ trigger, title, send, ready, sending, onOpen, onSend, children }: Props) {
  const [open, setOpen] = useState(false)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSend(() => setOpen(false))
  }
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next) => {
        onOpen()
        sending.reset()
        setOpen(next)
      }}
    >
      <Dialog.Trigger asChild>{trigger}</Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content className="dialog" aria-describedby={undefined}>
          <form onSubmit={submit}>
            <Dialog.Title className="text-lg font-semibold tracking-tight">{title}</Dialog.Title>
            {children}
            {sending.error !== null && (
              <p role="alert" className="mt-3 text-sm text-danger">
                {describeError(sending.error)}
              </p>
            )}
            <div className="mt-6 flex justify-end gap-2">
              <Dialog.Close asChild>
                <Button kind="quiet">Cancel</Button>
              </Dialog.Close>
              <Button type="submit" busy={sending.isPending} disabled={!ready}>
                {send}
              </Button>
            </div>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

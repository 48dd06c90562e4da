import { AlertDialog } from 'radix-ui'
import { type ReactNode, useState } from 'react'
import { describeError } from '../api/client.ts'
import { Button } from './button.tsx'

type Props = {
  /** The button that asks. */
  trigger: ReactNode
  title: string
  sentence: string
  keep: string
  confirm: string
  /** Closes the question when it is done; what it throws is told. */
  onConfirm: () => Promise<unknown>
}

/** A question before something that cannot be taken back. */
export function Confirm({ trigger, title, sentence, keep, confirm, onConfirm }: Props) {
  const [open, setOpen] = useState(false)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')
  const go = async () => {
    setBusy(true)
    setProblem('')
    try {
      await onConfirm()
      setOpen(false)
    } catch (error) {
      setProblem(describeError(error))
    } finally {
      setBusy(false)
    }
  }
  return (
    <AlertDialog.Root open={open} onOpenChange={setOpen}>
      <AlertDialog.Trigger asChild>{trigger}</AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="overlay" />
        <AlertDialog.Content className="dialog">
          <AlertDialog.Title className="text-lg font-semibold tracking-tight">{title}</AlertDialog.Title>
          <AlertDialog.Description className="mt-2 text-sm leading-relaxed text-muted">
            {sentence}
          </AlertDialog.Description>
          {problem !== '' && (
            <p role="alert" className="mt-3 text-sm text-danger">
              {problem}
            </p>
          )}
          <div className="mt-6 flex justify-end gap-2">
            <AlertDialog.Cancel asChild>
              <Button kind="quiet">{keep}</Button>
            </AlertDialog.Cancel>
            <Button kind="danger" busy={busy} onClick={() => void go()}>
              {confirm}
            </Button>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}

import { Pencil } from 'lucide-react'
import { Dialog } from 'radix-ui'
import { type FormEvent, useState } from 'react'
import { describeError } from '../api/client.ts'
import { type ApiVideo, nameOf, useRenameVideo } from '../api/videos.ts'
import { Button } from '../ui/button.tsx'

/** The button and the dialogue that change a video's name. */
export function RenameVideo({ video }: { video: ApiVideo }) {
  const [open, setOpen] = useState(false)
  const [name, setName] = useState('')
  const rename = useRenameVideo(video)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    rename.mutate(name.trim(), { onSuccess: () => setOpen(false) })
  }
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next) => {
        setName(nameOf(video))
        rename.reset()
        setOpen(next)
      }}
    >
      <Dialog.Trigger asChild>
        <Button kind="plain" size="small">
          <Pencil aria-hidden className="size-4" />
          Rename
        </Button>
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content className="dialog" aria-describedby={undefined}>
          <form onSubmit={submit}>
            <Dialog.Title className="text-lg font-semibold tracking-tight">Rename</Dialog.Title>
            <label htmlFor="name" className="mt-4 block text-sm font-medium">
              Name
            </label>
            <input
              id="name"
              value={name}
              onChange={(event) => setName(event.target.value)}
              onFocus={(event) => event.target.select()}
              className="field mt-2 w-full"
            />
            {rename.isError && (
              <p role="alert" className="mt-3 text-sm text-danger">
                {describeError(rename.error)}
              </p>
            )}
            <div className="mt-6 flex justify-end gap-2">
              <Dialog.Close asChild>
                <Button kind="quiet">Cancel</Button>
              </Dialog.Close>
              <Button type="submit" busy={rename.isPending} disabled={name.trim() === ''}>
                Save
              </Button>
            </div>
          </form>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

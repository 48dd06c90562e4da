import { useNavigate } from '@tanstack/react-router'
import { Trash2 } from 'lucide-react'
import { AlertDialog } from 'radix-ui'
import { useState } from 'react'
import { describeError } from '../api/client.ts'
import { type ApiVideo, nameOf, useDeleteVideo } from '../api/videos.ts'
import { Button } from '../ui/button.tsx'

/** The button that deletes a video, and the question before it. */
export function DeleteVideo({ video }: { video: ApiVideo }) {
  const [open, setOpen] = useState(false)
  const navigate = useNavigate()
  const remove = useDeleteVideo(video.uid)
  return (
    <AlertDialog.Root open={open} onOpenChange={setOpen}>
      <AlertDialog.Trigger asChild>
        <Button kind="plain" size="small" className="text-danger!">
          <Trash2 aria-hidden className="size-4" />
          Delete
        </Button>
      </AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="overlay" />
        <AlertDialog.Content className="dialog">
          <AlertDialog.Title className="text-lg font-semibold tracking-tight">
            Delete this video?
          </AlertDialog.Title>
          <AlertDialog.Description className="mt-2 text-sm leading-relaxed text-muted">
            “{nameOf(video)}”, all its qualities and the file as it was uploaded are deleted for good. Pages
            that show it stop playing.
          </AlertDialog.Description>
          {remove.isError && (
            <p role="alert" className="mt-3 text-sm text-danger">
              {describeError(remove.error)}
            </p>
          )}
          <div className="mt-6 flex justify-end gap-2">
            <AlertDialog.Cancel asChild>
              <Button kind="quiet">Keep it</Button>
            </AlertDialog.Cancel>
            <Button
              kind="danger"
              busy={remove.isPending}
              onClick={() => remove.mutate(undefined, { onSuccess: () => void navigate({ to: '/' }) })}
            >
              Delete for good
            </Button>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}

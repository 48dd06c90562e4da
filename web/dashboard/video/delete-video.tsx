import { useNavigate } from '@tanstack/react-router'
import { Trash2 } from 'lucide-react'
import { type ApiVideo, nameOf, useDeleteVideo } from '../api/videos.ts'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'

/** The button that deletes a video, and the question before it. */
export function DeleteVideo({ video }: { video: ApiVideo }) {
  const navigate = useNavigate()
  const remove = useDeleteVideo(video.uid)
  return (
    <Confirm
      trigger={
        <Button kind="plain" size="small" className="text-danger!">
          <Trash2 aria-hidden className="size-4" />
          Delete
        </Button>
      }
      title="Delete this video?"
      sentence={`“${nameOf(video)}”, all its qualities and the file as it was uploaded are deleted for good. Pages that show it stop playing.`}
      keep="Keep it"
      confirm="Delete for good"
      onConfirm={async () => {
        await remove.mutateAsync()
        await navigate({ to: '/' })
      }}
    />
  )
}

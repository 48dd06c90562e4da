import { Pencil } from 'lucide-react'
import { useState } from 'react'
import { type ApiVideo, nameOf, useRenameVideo } from '../api/videos.ts'
import { Button } from '../ui/button.tsx'
import { FormDialog } from '../ui/form-dialog.tsx'
import { TextField } from '../ui/text-field.tsx'

/** The button and the dialogue that change a video's name. */
export function RenameVideo({ video }: { video: ApiVideo }) {
  const [name, setName] = useState('')
  const rename = useRenameVideo(video)
  return (
    <FormDialog
      trigger={
        <Button kind="plain" size="small">
          <Pencil aria-hidden className="size-4" />
          Rename
        </Button>
      }
      title="Rename"
      send="Save"
      ready={name.trim() !== ''}
      sending={rename}
      onOpen={() => setName(nameOf(video))}
      onSend={(close) => rename.mutate(name.trim(), { onSuccess: close })}
    >
      <TextField
        id="name"
        label="Name"
        value={name}
        onChange={setName}
        onFocus={(event) => event.target.select()}
      />
    </FormDialog>
  )
}

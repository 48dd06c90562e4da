import { Download } from 'lucide-react'
import { describeError } from '../api/client.ts'
import { type ApiVideo, nameOf, useDownload } from '../api/videos.ts'
import { Button, buttonClass } from '../ui/button.tsx'

/** Characters of a file's name at most; the API refuses more. */
const LONGEST_NAME = 100

/** Has the file to download made, tells how far it is, and then links to it. `playbackId` is what the address opens by. */
export function DownloadVideo({ video, playbackId }: { video: ApiVideo; playbackId: string | undefined }) {
  const { file, ask } = useDownload(video)
  if (file?.status === 'ready' && playbackId !== undefined) {
    return (
      <a
        href={`/${playbackId}/downloads/default.mp4?filename=${fileName(nameOf(video))}`}
        download
        className={buttonClass('plain', 'small')}
      >
        <Download aria-hidden className="size-4" />
        Download MP4
      </a>
    )
  }
  const making = file?.status === 'inprogress'
  return (
    <Button
      kind="plain"
      size="small"
      busy={making || ask.isPending}
      title={ask.isError ? describeError(ask.error) : undefined}
      onClick={() => ask.mutate()}
    >
      {!making && !ask.isPending && <Download aria-hidden className="size-4" />}
      <span role="status">
        {making
          ? `Making the file … ${Math.floor(file.percentComplete)} %`
          : label(file?.status, ask.isError)}
      </span>
    </Button>
  )
}

/** The name as downloads take it: letters, digits, hyphens and underscores. */
function fileName(name: string): string {
  const kept = name
    .replace(/\.\w{1,4}$/, '')
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  return kept.slice(0, LONGEST_NAME) || 'video'
}

function label(status: string | undefined, refused: boolean): string {
  if (refused) return 'Download failed – try again'
  return status === 'error' ? 'File failed – try again' : 'Download'
}

import { CircleAlert, RotateCcw } from 'lucide-react'
import { describeError } from '../api/client.ts'
import { type ApiVideo, useRetryVideo } from '../api/videos.ts'
import { Button } from '../ui/button.tsx'

/** What somebody can do about each reason. */
const ADVICE: Record<string, string> = {
  ERR_NON_VIDEO:
    'Check that it is a video with a picture in it and that the file plays on your own computer, then upload it again.',
  ERR_MALFORMED_VIDEO:
    'The file may be cut off or damaged. Copy or export it again from where it was made, check that it plays to its end, and upload it again.',
  ERR_DURATION_EXCEED_CONSTRAINT:
    'Upload a shorter version, or make an upload link that allows a longer one.',
  ERR_DURATION_TOO_SHORT: 'Upload a version with at least a few pictures in it.',
  ERR_FETCH_ORIGIN_ERROR: 'Check that the address can be opened without signing in, then try again.',
  ERR_UNKNOWN:
    'Try once more. If it fails again, the log of the server says more; look for this video’s id there.',
}

/** Why a video failed, and what to do. */
export function Problem({ video }: { video: ApiVideo }) {
  const { errorReasonCode, errorReasonText } = video.status
  const retry = useRetryVideo(video.uid)
  return (
    <section role="alert" className="rounded-xl bg-danger-soft p-4">
      <h3 className="flex items-center gap-2 text-sm font-semibold text-danger">
        <CircleAlert aria-hidden className="size-4 shrink-0" />
        {errorReasonText || 'The video could not be processed.'}
      </h3>
      <p className="mt-2 text-sm leading-relaxed">{ADVICE[errorReasonCode] ?? ADVICE['ERR_UNKNOWN']}</p>
      {/* Without its file there is nothing to try again with. */}
      {video.size > 0 && (
        <div className="mt-3">
          <Button size="small" onClick={() => retry.mutate()} disabled={retry.isPending}>
            <RotateCcw aria-hidden className="size-4" />
            Try again
          </Button>
          {retry.isError && <p className="mt-2 text-sm text-danger">{describeError(retry.error)}</p>}
        </div>
      )}
    </section>
  )
}

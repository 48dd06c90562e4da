import { CircleAlert, RotateCcw } from 'lucide-react'
import { describeError } from '../api/client.ts'
import { type ApiVideo, useRetryVideo } from '../api/videos.ts'
import { Button } from '../ui/button.tsx'

/** Why a video failed, and what to do. */
export function Problem({ video }: { video: ApiVideo }) {
  const { errorReasonText, failure } = video.status
  const retry = useRetryVideo(video.uid)
  return (
    <section role="alert" className="rounded-xl bg-danger-soft p-4">
      <h3 className="flex items-center gap-2 text-sm font-semibold text-danger">
        <CircleAlert aria-hidden className="size-4 shrink-0" />
        {errorReasonText || 'The video could not be processed.'}
      </h3>
      {failure && (
        <>
          <p className="mt-2 text-sm leading-relaxed">{failure.advice}</p>
          <p className="mt-2 text-xs opacity-75">
            <code>{failure.code}</code> ({failure.stage}
            {describePosition(failure)})
          </p>
          {failure.decoder && (
            <details className="mt-2 text-xs">
              <summary className="cursor-pointer">What the decoder said</summary>
              <pre className="mt-1 overflow-x-auto whitespace-pre-wrap">{failure.decoder.join('\n')}</pre>
            </details>
          )}
        </>
      )}
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

/** Where in the file or the film, as words that go on a list. */
function describePosition({ position }: NonNullable<ApiVideo['status']['failure']>): string {
  const { byte, seconds } = position ?? {}
  return [
    byte === undefined ? '' : `, byte ${byte.toLocaleString('en')}`,
    seconds === undefined ? '' : `, at ${seconds.toFixed(1)} s`,
  ].join('')
}

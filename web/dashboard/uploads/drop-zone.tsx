import { CloudUpload } from 'lucide-react'
import { useId, useRef } from 'react'
import { buttonClass } from '../ui/button.tsx'
import { useUploads } from './uploads-context.tsx'

/** Kinds that browsers do not all count among `video/*`. */
const ACCEPT =
  'video/*,.mp4,.mov,.m4v,.mkv,.webm,.avi,.flv,.mts,.m2ts,.ts,.mpg,.mpeg,.mxf,.gxf,.wmv,.ogv,.3gp'

/** The big invitation at the top. Dropping works anywhere in the window (`window-drop.tsx`). */
export function DropZone() {
  const { uploads, items } = useUploads()
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const compact = items.length > 0
  return (
    <section
      aria-label="Upload"
      className={`group relative rounded-2xl border-2 border-dashed border-line bg-surface transition-colors focus-within:border-accent hover:border-accent/60 ${compact ? 'px-6 py-5' : 'px-6 py-14 sm:py-16'}`}
    >
      <input
        ref={input}
        id={id}
        type="file"
        multiple
        accept={ACCEPT}
        className="peer sr-only"
        onChange={(event) => {
          uploads.add([...(event.target.files ?? [])])
          event.target.value = ''
        }}
      />
      <label
        htmlFor={id}
        className={
          compact
            ? 'flex flex-wrap items-center justify-center gap-x-5 gap-y-3 sm:justify-between'
            : 'flex flex-col items-center text-center'
        }
      >
        <span className={compact ? 'flex items-center gap-4' : 'contents'}>
          <span
            aria-hidden
            className={`grid place-items-center rounded-2xl bg-accent-soft text-accent transition-transform group-hover:-translate-y-0.5 ${compact ? 'size-11' : 'size-16'}`}
          >
            <CloudUpload className={compact ? 'size-5' : 'size-8'} strokeWidth={1.75} />
          </span>
          <span>
            <span className={`block font-semibold tracking-tight ${compact ? 'text-base' : 'mt-5 text-2xl'}`}>
              {compact ? 'Drop more videos' : 'Drop a video here'}
            </span>
            <span className={`block text-sm text-muted ${compact ? '' : 'mt-2 max-w-md leading-relaxed'}`}>
              {compact
                ? 'Anywhere on this page; several at once is fine.'
                : 'It plays as soon as its last byte has arrived. Any common format, up to 30 GB, several at once.'}
            </span>
          </span>
        </span>
        <span className={`${buttonClass()} ${compact ? '' : 'mt-7'}`}>Choose files</span>
      </label>
      <span className="pointer-events-none absolute inset-0 rounded-2xl peer-focus-visible:outline-2 peer-focus-visible:outline-offset-4 peer-focus-visible:outline-accent" />
    </section>
  )
}

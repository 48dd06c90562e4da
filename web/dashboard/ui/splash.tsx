/** A whole page that only waits or says one thing. */

import { LoaderCircle } from 'lucide-react'
import type { ReactNode } from 'react'

type Props = { title?: string; sentence?: string; children?: ReactNode }

export function Splash({ title, sentence, children }: Props) {
  return (
    <main className="grid min-h-[70dvh] place-items-center p-6 text-center">
      {title === undefined ? (
        <LoaderCircle role="status" aria-label="Loading" className="size-7 animate-spin text-muted" />
      ) : (
        <div className="max-w-sm">
          <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
          <p className="mt-2 mb-6 text-sm leading-relaxed text-muted">{sentence}</p>
          {children}
        </div>
      )}
    </main>
  )
}

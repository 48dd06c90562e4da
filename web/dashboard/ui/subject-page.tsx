import { Link } from '@tanstack/react-router'
import { ArrowLeft } from 'lucide-react'
import type { ReactNode } from 'react'

type Props = {
  name: string
  /** Where all of its kind are listed. */
  back: { to: '/' | '/live'; label: string }
  badge: ReactNode
  actions: ReactNode
  /** The wide column, and the narrow one beside it. */
  main: ReactNode
  aside: ReactNode
}

/** The page of one thing: its name and state, what can be done with it, and all there is to see of it. */
export function SubjectPage({ name, back, badge, actions, main, aside }: Props) {
  return (
    <article>
      <title>{`${name} – Headwater`}</title>
      <Link
        to={back.to}
        className="inline-flex items-center gap-1.5 rounded text-sm text-muted hover:text-ink"
      >
        <ArrowLeft aria-hidden className="size-4" />
        {back.label}
      </Link>
      <header className="mt-4 mb-6 flex flex-wrap items-start justify-between gap-x-6 gap-y-4">
        <div className="min-w-0">
          <h1 className="text-2xl leading-tight font-semibold tracking-tight break-words">{name}</h1>
          <div className="mt-2.5">{badge}</div>
        </div>
        <div className="flex flex-wrap gap-2">{actions}</div>
      </header>
      <div className="grid gap-6 lg:grid-cols-[minmax(0,1.9fr)_minmax(0,1fr)]">
        <div className="grid min-w-0 content-start gap-6">{main}</div>
        <div className="grid min-w-0 content-start gap-6">{aside}</div>
      </div>
    </article>
  )
}

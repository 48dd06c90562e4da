import type { ReactNode } from 'react'

/** A framed part of a page, with its title; `action` stands at its right. */
export function Panel({
  title,
  action,
  children,
}: {
  title: string
  action?: ReactNode
  children: ReactNode
}) {
  return (
    <section aria-label={title} className="rounded-2xl border border-line bg-surface p-5">
      <div className="mb-4 flex min-h-6 items-center justify-between gap-4">
        <h2 className="text-sm font-semibold">{title}</h2>
        {action}
      </div>
      {children}
    </section>
  )
}

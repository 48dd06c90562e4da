/** Buttons, in the few kinds the dashboard has. */

import { LoaderCircle } from 'lucide-react'
import type { ComponentProps } from 'react'

type Kind = 'primary' | 'plain' | 'quiet' | 'danger'

const KINDS: Record<Kind, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong shadow-sm',
  plain: 'border border-line bg-surface text-ink hover:bg-raised',
  quiet: 'text-muted hover:bg-raised hover:text-ink',
  danger: 'bg-danger text-white hover:brightness-110 shadow-sm dark:text-black',
}

const BASE =
  'inline-flex items-center justify-center gap-2 rounded-lg text-sm font-medium transition-colors disabled:pointer-events-none disabled:opacity-50'

/** Class list of a button, for links that look like one. */
export function buttonClass(kind: Kind = 'primary', size: 'normal' | 'small' | 'icon' = 'normal'): string {
  const sizes = { normal: 'h-10 px-4', small: 'h-8 px-3', icon: 'size-9' }
  return `${BASE} ${KINDS[kind]} ${sizes[size]}`
}

type Props = ComponentProps<'button'> & { kind?: Kind; size?: 'normal' | 'small' | 'icon'; busy?: boolean }

export function Button({ kind, size, busy = false, className = '', children, disabled, ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled === true || busy}
      aria-busy={busy}
      className={`${buttonClass(kind, size)} ${className}`}
    >
      {busy && <LoaderCircle aria-hidden className="size-4 animate-spin" />}
      {children}
    </button>
  )
}

import { Check, Copy } from 'lucide-react'
import { type ReactNode, useEffect, useState } from 'react'
import { Button } from './button.tsx'

type Props = { text: string; label: string; children?: ReactNode }

/** Copies `text`; says so for two seconds, also to screen readers. */
export function CopyButton({ text, label, children = 'Copy' }: Props) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return undefined
    const timer = setTimeout(() => setCopied(false), 2_000)
    return () => clearTimeout(timer)
  }, [copied])
  return (
    <Button
      kind="plain"
      size="small"
      aria-label={copied ? 'Copied' : label}
      onClick={() => {
        copy(text)
          .then(() => setCopied(true))
          .catch((error: unknown) => reportError(error))
      }}
    >
      {copied ? (
        <Check aria-hidden className="size-4 text-accent" />
      ) : (
        <Copy aria-hidden className="size-4" />
      )}
      <span aria-live="polite">{copied ? 'Copied' : children}</span>
    </Button>
  )
}

/** The clipboard's modern door is shut on plain http beyond localhost; there the old one still works. */
async function copy(text: string): Promise<void> {
  if (window.isSecureContext) return navigator.clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  area.style.position = 'fixed'
  document.body.append(area)
  area.select()
  // oxlint-disable-next-line typescript/no-deprecated -- see above
  document.execCommand('copy')
  area.remove()
  return undefined
}

import { ExternalLink } from 'lucide-react'
import { buttonClass } from '../ui/button.tsx'

/** Opens the watch page of a video or a live input beside the dashboard. `id`: its uid, or a token. */
export function WatchLink({ id }: { id: string }) {
  return (
    <a href={`/${id}/watch`} target="_blank" rel="noreferrer" className={buttonClass('plain', 'small')}>
      <ExternalLink aria-hidden className="size-4" />
      Watch page
    </a>
  )
}
